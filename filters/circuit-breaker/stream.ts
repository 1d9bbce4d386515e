// One request: asks the circuits of the rules that take it, and tells them how it ended. A rule in
// shadow mode only counts; the first other rule decides.

import {
  Bytes,
  CallProtocol,
  decimalText,
  FilterHeadersStatus,
  FilterTrailersStatus,
  HttpContext,
  monotonicNanoseconds,
  parseInteger,
  protocolOf,
  ResponseAttributes,
  requestHeaders,
  responseHeaders,
  responseTrailers,
} from "../../assembly";
import { Explanation } from "../../assembly/rules";
import { ResponseFacts } from "./failures";
import { Permit } from "./gate";
import { Plugin } from "./plugin";
import { Force, NO_PERMIT, Outcome, Result, Verdict } from "./policy";
import { Rule } from "./rule";

const STATUS = Bytes.of(":status");
const GRPC_STATUS = Bytes.of("grpc-status");
const RETRY_AFTER = Bytes.of("retry-after");
const GRPC_PUSHBACK = Bytes.of("grpc-retry-pushback-ms");
/** The lowest status of an answer that says when to come back. */
const ERROR: u32 = 400;
const FLAGS = ResponseAttributes.flags();
const DETAILS = ResponseAttributes.codeDetails();
const VIA_UPSTREAM = Bytes.of("via_upstream");
const OK: i64 = 200;
/** The gRPC status of a call that ends without one. */
const UNKNOWN_STATUS: i64 = 2;
const NO_RESPONSE: u64 = u64.MAX_VALUE;
const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;
const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/** What the host knows of the current stream's response. */
@final
class HostFacts extends ResponseFacts {
  flags(): i64 {
    return FLAGS.read(0);
  }

  isUpstreams(): bool {
    const details = DETAILS.read();
    return details != null && details.equals(VIA_UPSTREAM);
  }
}

const facts = new HostFacts();

/** A rule that awaits the end of the request. */
@final
class Entry {
  readonly permit: Permit = new Permit();

  constructor(public rule: Rule) {}
}

@final
export class CircuitBreakerStream extends HttpContext {
  private readonly explanation: Explanation = new Explanation();
  /** The rules that await this request's end; the array may be longer. */
  private readonly entries: Array<Entry> = [];
  private count: i32 = 0;
  private protocol: CallProtocol = CallProtocol.Http;
  /** The rule that has refused the request, and for how long. */
  private refusedBy: Rule | null = null;
  private wait: u64 = 0;
  /** How long the response took to begin; 0 where no rule asks, `NO_RESPONSE` before. */
  private latency: u64 = NO_RESPONSE;

  constructor(private readonly plugin: Plugin) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const plugin = this.plugin;
    let index = plugin.first();
    if (index < 0) return this.pass();
    const now = monotonicNanoseconds();
    this.protocol = protocolOf(plugin.request.header(plugin.config.contentType));
    for (; index >= 0; index = plugin.next()) {
      const rule = plugin.rule(index);
      const outcome = this.ask(rule, now);
      rule.outcomes.count(outcome);
      if (plugin.config.explainHeader) this.explanation.add(rule.outcomes.explanation(outcome));
      if (!rule.isShadow) return this.act(rule, outcome);
    }
    return this.pass();
  }

  private ask(rule: Rule, now: u64): Outcome {
    const policy = rule.policy;
    if (policy.force == Force.Closed) return Outcome.Allowed;
    if (policy.force == Force.Open) return this.refused(rule);
    const isWhole = this.plugin.readKey(rule);
    if (!isWhole && policy.skipsMissing) return Outcome.Skipped;
    const permit = this.add(rule).permit;
    permit.hash = policy.key.hash;
    permit.began = now;
    const verdict = rule.gate.admit(permit);
    if (verdict == Verdict.Pass) return Outcome.Allowed;
    if (verdict == Verdict.Probe) return Outcome.Probe;
    this.count--;
    this.wait = rule.gate.wait;
    return this.wait == 0 ? Outcome.Contended : this.refused(rule);
  }

  private refused(rule: Rule): Outcome {
    if (rule.policy.destination) return Outcome.Diverted;
    return rule.policy.throttle ? Outcome.Throttled : Outcome.Refused;
  }

  private add(rule: Rule): Entry {
    if (this.count == this.entries.length) this.entries.push(new Entry(rule));
    const entry = unchecked(this.entries[this.count++]);
    entry.rule = rule;
    return entry;
  }

  private act(rule: Rule, outcome: Outcome): FilterHeadersStatus {
    const destination = rule.policy.destination;
    if (outcome == Outcome.Diverted && destination) return this.pass(destination);
    if (outcome == Outcome.Allowed || outcome == Outcome.Probe || outcome == Outcome.Skipped)
      return this.pass();
    this.refusedBy = rule;
    rule.policy.reply.send(this.protocol, rule.details);
    return FilterHeadersStatus.StopIteration;
  }

  /**
   * Lets the request go on, to that destination if there is one. A client's own destination is
   * removed, unless a filter before this one has written it.
   */
  private pass(destination: Bytes | null = null): FilterHeadersStatus {
    const config = this.plugin.config;
    if (destination) requestHeaders.replace(config.destinationHeader, destination);
    else if (config.dropsDestination && this.plugin.request.header(config.destinationSlot)) {
      requestHeaders.remove(config.destinationHeader);
    }
    return FilterHeadersStatus.Continue;
  }

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    if (this.refusedBy) this.sayWhen();
    else if (this.count > 0) this.judge(endOfStream);
    const name = this.plugin.config.explainHeader;
    if (name) this.explanation.writeTo(responseHeaders, name);
    return FilterHeadersStatus.Continue;
  }

  /** Adds when a refused client may come back. */
  private sayWhen(): void {
    const rule = this.refusedBy!;
    if (rule.policy.reply.status < ERROR || this.wait == 0) return;
    if (this.protocol == CallProtocol.Http) {
      const seconds = (this.wait + NANOSECONDS_PER_SECOND - 1) / NANOSECONDS_PER_SECOND;
      responseHeaders.replace(RETRY_AFTER, decimalText(seconds));
    } else {
      const ms = (this.wait + NANOSECONDS_PER_MILLISECOND - 1) / NANOSECONDS_PER_MILLISECOND;
      responseHeaders.replace(GRPC_PUSHBACK, decimalText(ms));
    }
  }

  /** Tells the circuits what the response's headers say. */
  private judge(endOfStream: bool): void {
    this.latency = this.plugin.config.isTimed ? this.waited() : 0;
    const text = responseHeaders.get(STATUS);
    const status = text ? parseInteger(text) : 0;
    if (this.protocol == CallProtocol.Http || status != OK) {
      this.judgeStatus(status, endOfStream);
      return;
    }
    const sent = responseHeaders.get(GRPC_STATUS);
    if (sent || endOfStream) this.judgeGrpc(sent);
    else for (let i = 0; i < this.count; i++) noteAnswer(unchecked(this.entries[i]));
  }

  private judgeStatus(status: i64, endOfStream: bool): void {
    let awaiting = 0;
    for (let i = 0; i < this.count; i++) {
      const entry = unchecked(this.entries[i]);
      const failures = entry.rule.policy.failures;
      const result = failures.ofStatus(status, this.latency, facts);
      if (endOfStream || !failures.awaitsEnd || result != Result.Succeeded) {
        entry.rule.gate.settle(entry.permit, result);
        continue;
      }
      noteAnswer(entry);
      unchecked((this.entries[i] = this.entries[awaiting]));
      unchecked((this.entries[awaiting++] = entry));
    }
    this.count = awaiting;
  }

  /** @param sent the gRPC status, `null` if the response ends without one */
  private judgeGrpc(sent: Bytes | null): void {
    const status = sent ? parseInteger(sent) : UNKNOWN_STATUS;
    for (let i = 0; i < this.count; i++) {
      const entry = unchecked(this.entries[i]);
      entry.rule.gate.settle(entry.permit, entry.rule.policy.failures.ofGrpc(status, this.latency, facts));
    }
    this.count = 0;
  }

  override onResponseTrailers(trailers: u32): FilterTrailersStatus {
    if (this.count > 0 && this.protocol != CallProtocol.Http)
      this.judgeGrpc(responseTrailers.get(GRPC_STATUS));
    return FilterTrailersStatus.Continue;
  }

  /** The stream has ended before its result was known, or with its response. */
  private end(): void {
    const waited = this.waited();
    for (let i = 0; i < this.count; i++) {
      const entry = unchecked(this.entries[i]);
      const failures = entry.rule.policy.failures;
      const result =
        this.latency == NO_RESPONSE ? failures.ofDeparture(waited) : failures.ofEnd(this.latency, facts);
      entry.rule.gate.settle(entry.permit, result);
    }
  }

  /** Nanoseconds since the request came. */
  private waited(): u64 {
    return monotonicNanoseconds() - unchecked(this.entries[0]).permit.began;
  }

  override onRecycle(): bool {
    if (this.count > 0) this.end();
    this.count = 0;
    this.explanation.clear();
    this.refusedBy = null;
    this.wait = 0;
    this.latency = NO_RESPONSE;
    return true;
  }
}

/** Tells the circuit of a probe that its response has begun, so that it outlives its lease. */
function noteAnswer(entry: Entry): void {
  if (entry.permit.number != NO_PERMIT) entry.rule.gate.settle(entry.permit, Result.Answered);
}
