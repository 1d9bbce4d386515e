// In a listener's chain: one request. It is decided how often the router may retry before it is
// known whether it must. So a request holds its granted retries until its response has come.

import {
  Bytes,
  decimalText,
  FilterHeadersStatus,
  HttpContext,
  parseInteger,
  requestHeaders,
  responseHeaders,
  UpstreamAttributes,
} from "../../assembly";
import { Explanation } from "../../assembly/rules";
import { Budget } from "./budget";
import { Entries, Entry } from "./entries";
import { NOT_COUNTED } from "./ledger";
import { Plugin } from "./plugin";
import { Outcome } from "./policy";

const ATTEMPTS = UpstreamAttributes.requestAttemptCount();
/** The router takes this number instead of the route's. */
const MAX_RETRIES = Bytes.of("x-envoy-max-retries");

@final
export class Request extends HttpContext {
  private readonly entries: Entries;
  private readonly explanation: Explanation = new Explanation();

  constructor(private readonly plugin: Plugin) {
    super();
    this.entries = new Entries(plugin.config.budgets);
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const plugin = this.plugin;
    for (let index = plugin.firstBudget(); index >= 0; index = plugin.nextBudget()) {
      const budget = plugin.budget(index);
      const granted = this.begin(budget, this.entries.add(budget));
      if (budget.isShadow) continue;
      requestHeaders.replace(MAX_RETRIES, decimalText(granted));
      break;
    }
    return FilterHeadersStatus.Continue;
  }

  /** Records the request, and the retries that it may make. */
  private begin(budget: Budget, entry: Entry): u32 {
    const caller = this.plugin.callerOf(budget);
    const ledger = budget.ledger;
    const isAllowed = this.plugin.allowsMethod(budget);
    const isOver = budget.respectDeadline && this.plugin.grpcTimeout() == 0;
    const wanted = isAllowed && !isOver ? this.wanted(budget) : 0;
    const granted = ledger.first(caller, wanted);
    if (granted != NOT_COUNTED) entry.begin(caller, granted, ledger.step);
    this.plugin.refresher.start();
    if (!isAllowed) this.note(budget, Outcome.Method);
    else if (isOver) this.note(budget, Outcome.Deadline);
    else if (granted <= 0 && wanted > 0) this.note(budget, Outcome.Exceeded);
    return max(0, granted);
  }

  /** The number that the configuration gives, or less if another filter has set a smaller one. */
  private wanted(budget: Budget): u32 {
    const said = this.plugin.maxRetries();
    const number = said ? parseInteger(said) : -1;
    return number < 0 ? budget.maxRetries : <u32>min<i64>(number, budget.maxRetries);
  }

  private note(budget: Budget, outcome: Outcome): void {
    this.explanation.add(budget.count(outcome));
  }

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    this.settle();
    const name = this.plugin.config.explainHeader;
    if (name) this.explanation.writeTo(responseHeaders, name);
    return FilterHeadersStatus.Continue;
  }

  /**
   * The router makes no more retries: gives back those that it did not make. Does nothing if none
   * was granted, or if it was called before.
   */
  private settle(): void {
    let made: i64 = -1;
    for (let i = 0; i < this.entries.count; i++) {
      const entry = this.entries.at(i);
      if (entry.retries == 0) continue;
      if (made < 0) made = max<i64>(0, ATTEMPTS.read(0) - 1);
      this.settleEntry(entry, <u32>min<i64>(made, entry.retries));
    }
  }

  private settleEntry(entry: Entry, used: u32): void {
    const budget = entry.budget!;
    const ledger = budget.ledger;
    if (used > 0) this.note(budget, Outcome.Retried);
    for (let k: u32 = 1; k < used; k++) budget.count(Outcome.Retried);
    // If active requests count, none of the retries is active any more.
    const unused = ledger.hasActivity ? entry.retries : entry.retries - used;
    if (unused > 0) ledger.settle(entry.caller, entry.step, unused);
    entry.retries = 0;
  }

  /** If a client goes before its response has come, its retries are given back. */
  override onRecycle(): bool {
    this.settle();
    this.entries.end();
    this.explanation.clear();
    return true;
  }
}
