// What happened to one request: the rule that decided, or the client's wish. It is counted once,
// and active until it is over.

import { Bytes, Reply, setProperty } from "../../assembly";
import { Explanation } from "../../assembly/rules";
import { NO_DELAY } from "./delay";
import { FaultEngine } from "./engine";
import { RuleMetrics } from "./metrics";
import { Outcome, Rule } from "./policy";

/** The key in the filter state, for access logs and other filters. */
const FAULT_STATE = Bytes.of("meshwright.fault_injection");

/** Serves one stream after another. */
@final
export class Encounter {
  /** The engine whose configuration decided; `null` before a decision. */
  engine: FaultEngine | null = null;
  /** The rule that acts; `null` if none does, or if a client asked for the fault. */
  rule: Rule | null = null;
  /** The metrics of the rule or of the clients' faults; `null` if no fault acts. */
  metrics: RuleMetrics | null = null;
  abort: Reply | null = null;
  /** Milliseconds, or `NO_DELAY`. */
  delayMs: i32 = NO_DELAY;
  readonly explanation: Explanation = new Explanation();

  /** The metrics in which the fault counts as active. */
  private activeIn: RuleMetrics | null = null;

  /** Decides on the current request. Returns whether a fault acts. */
  decide(engine: FaultEngine): bool {
    this.engine = engine;
    engine.request.begin();
    const client = engine.config.clientFaults;
    if (!client) {
      this.meetRules(engine);
      return this.metrics != null;
    }
    if (client.asks(engine.request)) this.meetClient(engine);
    else this.meetRules(engine);
    engine.removeClientHeaders(client);
    return this.metrics != null;
  }

  /** The client has sent so many messages that the call is aborted now. */
  reachAbort(): void {
    const metrics = this.metrics;
    if (metrics) this.tell(metrics, Outcome.Aborted);
  }

  /** The fault is over. */
  end(): void {
    const metrics = this.activeIn;
    const engine = this.engine;
    if (!metrics || !engine) return;
    metrics.active.leave();
    engine.active.leave();
    this.activeIn = null;
  }

  clear(): void {
    this.end();
    this.engine = null;
    this.rule = null;
    this.metrics = null;
    this.abort = null;
    this.delayMs = NO_DELAY;
    this.explanation.clear();
  }

  private meetClient(engine: FaultEngine): void {
    const client = engine.config.clientFaults;
    const metrics = engine.clientMetrics;
    if (!client || !metrics) return;
    if (client.isTooLong(engine.request)) {
      this.explanation.add(metrics.limit());
      return;
    }
    if (!this.enter(engine, metrics, client.outcome)) return;
    this.abort = client.abort;
    this.delayMs = client.delayMs;
    if (this.delayMs != NO_DELAY) metrics.recordDelay(this.delayMs);
  }

  /** Finds the rule that decides, and counts the shadow rules before it. */
  private meetRules(engine: FaultEngine): void {
    const request = engine.request;
    for (let rule = engine.rules.first(request); rule != null; rule = engine.rules.next(request)) {
      const metrics = engine.metricsOf(rule.number);
      if (!rule.selection.shadow) {
        this.meetRule(engine, rule, metrics);
        return;
      }
      this.explanation.add(metrics.act(rule.outcome));
    }
  }

  private meetRule(engine: FaultEngine, rule: Rule, metrics: RuleMetrics): void {
    if (!this.enter(engine, metrics, rule.outcome)) return;
    this.rule = rule;
    this.abort = rule.abort;
    const delay = rule.delay;
    if (!delay) return;
    this.delayMs = delay.draw(engine.request);
    metrics.recordDelay(this.delayMs);
  }

  /** Begins the fault, if the limits allow one more. */
  private enter(engine: FaultEngine, metrics: RuleMetrics, outcome: Outcome): bool {
    const allowed = engine.active.enter();
    if (!allowed || !metrics.active.enter()) {
      if (allowed) engine.active.leave();
      this.explanation.add(metrics.limit());
      return false;
    }
    this.activeIn = metrics;
    this.metrics = metrics;
    this.tell(metrics, outcome);
    return true;
  }

  /** Counts what happens, and says it to logs and to the client. */
  private tell(metrics: RuleMetrics, outcome: Outcome): void {
    const words = metrics.act(outcome);
    this.explanation.add(words);
    setProperty(FAULT_STATE, words);
  }
}
