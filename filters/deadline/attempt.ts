// In a cluster's chain: one attempt of the router's. It is told what truly remains, which for a
// retry is less than for the attempt before it.

import {
  Bytes,
  FilterHeadersStatus,
  HttpContext,
  isCountedDown,
  monotonicNanoseconds,
  NO_TIMEOUT,
  nowNanoseconds,
  RequestAttributes,
  responseHeaders,
} from "../../assembly";
import { Explanation } from "../../assembly/rules";
import { EXPECTED_TIMEOUT } from "./config";
import { readMoment, timeUntil, writeMoment } from "./moment";
import { Plugin } from "./plugin";
import { NANOSECONDS_PER_MILLISECOND, Outcome, Source } from "./policy";
import { Rule } from "./rule";

const REQUEST_TIME = RequestAttributes.time();
const NOTHING = Bytes.owned(0);

@final
export class Attempt extends HttpContext {
  private readonly explanation: Explanation = new Explanation();

  constructor(private readonly plugin: Plugin) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const plugin = this.plugin;
    plugin.request.begin();
    const now = monotonicNanoseconds();
    const moment = readMoment();
    const left = moment == NO_TIMEOUT ? this.timeSinceStart() : timeUntil(moment, now);
    for (let index = plugin.firstRule(); index >= 0; index = plugin.nextRule()) {
      const rule = plugin.rule(index);
      const outcome = rule.policy.decide(left, Source.Request, NO_TIMEOUT);
      this.explanation.add(rule.count(outcome));
      if (this.isOutlasted(left)) rule.countOutlasted();
      if (rule.isShadow) continue;
      const isNew = moment == NO_TIMEOUT || outcome == Outcome.Shortened;
      return this.act(rule, outcome, now, isNew);
    }
    if (!plugin.config.isTrusted) plugin.dropHeader();
    return FilterHeadersStatus.Continue;
  }

  /**
   * What is left of the time in the request's headers, where no filter of the listener's chain has
   * made a moment of it. The first attempt comes here, and no later one.
   */
  private timeSinceStart(): u64 {
    const plugin = this.plugin;
    const told = plugin.toldTime();
    if (told == NO_TIMEOUT) return NO_TIMEOUT;
    const grpc = plugin.grpcTimeout();
    const expected = plugin.routerHeader();
    if (grpc && expected && isCountedDown(grpc, expected)) return told;
    const now = <i64>nowNanoseconds();
    // The machine's clock may have been set back since.
    const elapsed = <u64>max<i64>(0, now - REQUEST_TIME.read(now));
    return elapsed < told ? told - elapsed : 0;
  }

  /** Whether the router would wait for longer than its caller does. */
  private isOutlasted(left: u64): bool {
    const router = this.plugin.routerTime();
    return router != NO_TIMEOUT && left != NO_TIMEOUT && router > left + NANOSECONDS_PER_MILLISECOND;
  }

  private act(rule: Rule, outcome: Outcome, now: u64, isNew: bool): FilterHeadersStatus {
    const plugin = this.plugin;
    if (outcome == Outcome.Expired) {
      // The filter does not see its own answer here, so the answer has the explanation with it.
      const explainHeader = plugin.config.explainHeader;
      plugin.reply.send(plugin.protocol(), rule.details, NOTHING, explainHeader, this.explanation.text());
      return FilterHeadersStatus.StopIteration;
    }
    if (outcome == Outcome.Unbounded) plugin.dropHeader();
    else this.tell(rule, now, isNew);
    return FilterHeadersStatus.Continue;
  }

  /** The margin is taken off for each attempt, so the moment that the attempts share has it. */
  private tell(rule: Rule, now: u64, isNew: bool): void {
    const plugin = this.plugin;
    const ms = rule.policy.allowedMs;
    const allowed = ms * NANOSECONDS_PER_MILLISECOND;
    const router = plugin.routerTime();
    if (router != NO_TIMEOUT && router > allowed) plugin.tellRouter(EXPECTED_TIMEOUT, ms);
    plugin.tell(ms);
    if (isNew) writeMoment(now + allowed + rule.policy.margin);
  }

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const name = this.plugin.config.explainHeader;
    if (name) this.explanation.writeTo(responseHeaders, name);
    return FilterHeadersStatus.Continue;
  }

  override onRecycle(): bool {
    this.explanation.clear();
    return true;
  }
}
