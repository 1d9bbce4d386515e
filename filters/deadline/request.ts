// In a listener's chain: one request. It is refused if its time is over. Otherwise the router and
// the service are told how much is left.

import {
  Bytes,
  decimalText,
  FilterHeadersStatus,
  HttpContext,
  monotonicNanoseconds,
  NO_TIMEOUT,
  ResponseAttributes,
  requestHeaders,
  responseHeaders,
} from "../../assembly";
import { Explanation } from "../../assembly/rules";
import { PER_TRY_TIMEOUT, ROUTER_TIMEOUT, Side } from "./config";
import { readMoment, timeUntil, writeMoment } from "./moment";
import { Plugin } from "./plugin";
import { NANOSECONDS_PER_MILLISECOND, Outcome, Source } from "./policy";
import { Rule } from "./rule";
import { NO_PLACE } from "./trace/bucket";
import { TracePlace } from "./trace/table";

const DETAILS = ResponseAttributes.codeDetails();
/** The details of a response that came from the service, and went to the client as a whole. */
const ANSWERED = Bytes.of("via_upstream");
const NOTHING = Bytes.owned(0);

@final
export class Request extends HttpContext {
  private readonly explanation: Explanation = new Explanation();
  private readonly lease: TracePlace = new TracePlace();

  constructor(private readonly plugin: Plugin) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const plugin = this.plugin;
    plugin.request.begin();
    const now = monotonicNanoseconds();
    const told = min(plugin.toldTime(), timeUntil(readMoment(), now));
    const recalled = this.recalledTime(now);
    const left = min(told, recalled);
    const source = recalled < told ? Source.Trace : Source.Request;
    const cap = plugin.routerTime();
    for (let index = plugin.firstRule(); index >= 0; index = plugin.nextRule()) {
      const rule = plugin.rule(index);
      const outcome = rule.policy.decide(left, source, cap);
      this.explanation.add(rule.count(outcome));
      if (rule.policy.outlasts(left)) rule.countOutlasted();
      if (!rule.isShadow) return this.act(rule, outcome, now);
    }
    if (!plugin.config.isTrusted) plugin.dropHeader();
    return FilterHeadersStatus.Continue;
  }

  /** The time of the request that the service is answering, on its outbound side. */
  private recalledTime(now: u64): u64 {
    const plugin = this.plugin;
    const traces = plugin.traces;
    if (!traces || plugin.config.side != Side.Outbound) return NO_TIMEOUT;
    const id = plugin.traceId();
    return id ? timeUntil(traces.recall(id, now), now) : NO_TIMEOUT;
  }

  /** On the inbound side: the service's own calls must not take longer than its answer. */
  private remember(rule: Rule, moment: u64, now: u64): void {
    const plugin = this.plugin;
    const traces = plugin.traces;
    if (!traces || plugin.config.side != Side.Inbound) return;
    const id = plugin.traceId();
    if (!id) return;
    if (moment == NO_TIMEOUT) traces.revive(id, now);
    else if (!traces.remember(id, moment, now, this.lease)) rule.countUnremembered();
  }

  private act(rule: Rule, outcome: Outcome, now: u64): FilterHeadersStatus {
    const plugin = this.plugin;
    if (outcome == Outcome.Expired) {
      plugin.reply.send(plugin.protocol(), rule.details, NOTHING);
      return FilterHeadersStatus.StopIteration;
    }
    let moment = NO_TIMEOUT;
    if (outcome == Outcome.Unbounded) {
      plugin.dropHeader();
    } else {
      moment = now + rule.policy.allowedMs * NANOSECONDS_PER_MILLISECOND;
      this.limit(rule);
      writeMoment(moment);
    }
    this.remember(rule, moment, now);
    return FilterHeadersStatus.Continue;
  }

  /** Two host calls; one more for gRPC, and one for a limit of attempts. */
  private limit(rule: Rule): void {
    const ms = rule.policy.allowedMs;
    const perTryMs = rule.policy.perTryMs;
    this.plugin.tellRouter(ROUTER_TIMEOUT, ms);
    if (perTryMs > 0) requestHeaders.replace(PER_TRY_TIMEOUT, decimalText(min(perTryMs, ms)));
    this.plugin.tell(ms);
  }

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const name = this.plugin.config.explainHeader;
    if (name) this.explanation.writeTo(responseHeaders, name);
    return FilterHeadersStatus.Continue;
  }

  /**
   * A request without its whole answer was given up by its client, or ran out of time: then its
   * service works for nobody.
   */
  private forget(): void {
    const traces = this.plugin.traces;
    if (!traces || this.lease.number == NO_PLACE) return;
    const details = DETAILS.read();
    traces.release(this.lease, monotonicNanoseconds(), !details || !details.equals(ANSWERED));
  }

  override onRecycle(): bool {
    this.forget();
    this.explanation.clear();
    return true;
  }
}
