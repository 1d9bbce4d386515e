// One request: its answer is kept if it is good, and replaced by a kept one if it is not. A rule in
// shadow mode keeps too, but serves nothing; the first other rule decides.

import {
  Bytes,
  FilterDataStatus,
  FilterHeadersStatus,
  HttpContext,
  monotonicNanoseconds,
  parseInteger,
  ResponseAttributes,
  responseBody,
  responseHeaders,
} from "../../assembly";
import { Explanation } from "../../assembly/rules";
import { Answer, Collector } from "./answer";
import { KeepOutcome } from "./answers";
import { KeptReply } from "./kept-reply";
import { Plugin } from "./plugin";
import { isForwarded, Outcome, Reason, ResponseFacts } from "./policy";
import { Rule } from "./rule";
import { Watch } from "./watch";

const STATUS = Bytes.of(":status");
const FLAGS = ResponseAttributes.flags();
const DETAILS = ResponseAttributes.codeDetails();

/** What the host knows of the current stream's response. */
@final
class HostFacts extends ResponseFacts {
  flags(): i64 {
    return FLAGS.read(0);
  }

  details(): Bytes | null {
    return DETAILS.read();
  }
}

/** Why a stale answer is served before the upstream was asked. */
const MEANWHILE = Bytes.of("stale-while-revalidate");

const facts = new HostFacts();
const reply = new KeptReply();

@final
export class FallbackStream extends HttpContext {
  private readonly explanation: Explanation = new Explanation();
  /** The rules that take this request; the array may be longer. */
  private readonly watches: Array<Watch> = [];
  private count: i32 = 0;
  private isHead: bool = false;
  private began: u64 = 0;
  /** The number of the key under which `find` found an answer. */
  private foundHash: u64 = 0;

  constructor(private readonly plugin: Plugin) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const plugin = this.plugin;
    let index = plugin.first();
    if (index < 0) return FilterHeadersStatus.Continue;
    const isAnswerable = endOfStream && plugin.isAnswerable();
    this.isHead = plugin.isHead;
    this.began = monotonicNanoseconds();
    for (; index >= 0; index = plugin.next()) {
      const rule = plugin.rule(index);
      const isTaken = isAnswerable && plugin.takes(rule) && this.watch(rule);
      if (!isTaken) this.note(rule, Outcome.Skipped);
      if (rule.isShadow) continue;
      if (rule.policy.revalidateMs > 0 && isTaken && this.servesAtOnce()) {
        return FilterHeadersStatus.StopIteration;
      }
      break;
    }
    return FilterHeadersStatus.Continue;
  }

  /** Serves the kept answer of the rule that decides, if it may be served before the upstream's. */
  private servesAtOnce(): bool {
    const watch = unchecked(this.watches[this.count - 1]);
    const rule = watch.rule;
    const answer = this.find(watch);
    if (!answer) return false;
    const age = answer.ageAt(this.began);
    if (age >= answer.usableMeanwhile) return false;
    const isFresh = age < answer.lifetime;
    this.note(rule, isFresh ? Outcome.Fresh : Outcome.Meanwhile);
    this.count = 0;
    const name = this.plugin.config.explainHeader;
    reply.begin(answer, this.began);
    reply.markHit(isFresh ? null : MEANWHILE);
    if (name) reply.add(name, this.explanation.text());
    reply.send(rule.details);
    if (!isFresh) {
      this.plugin.revalidate(rule, this.foundHash, watch.plainKey, watch.encodedKey, this.began);
    }
    return true;
  }

  /** Remembers the key; false if it is too long. */
  private watch(rule: Rule): bool {
    if (this.count == this.watches.length) this.watches.push(new Watch(rule));
    const watch = unchecked(this.watches[this.count]);
    watch.rule = rule;
    if (!watch.setPlainKey(this.plugin.readKey(rule))) return false;
    if (!watch.setEncodedKey(this.plugin.addEncoding())) return false;
    this.count++;
    return true;
  }

  private note(rule: Rule, outcome: i32): void {
    rule.outcomes.count(outcome);
    if (this.plugin.config.explainHeader) this.explanation.add(rule.outcomes.explanation(outcome));
  }

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const name = this.plugin.config.explainHeader;
    if (this.count > 0) {
      const text = responseHeaders.get(STATUS);
      const status = text ? parseInteger(text) : 0;
      const now = monotonicNanoseconds();
      for (let i = 0; i < this.count; i++) {
        if (this.judge(unchecked(this.watches[i]), status, now)) return FilterHeadersStatus.StopIteration;
      }
      if (endOfStream) this.finish();
    }
    if (name) this.explanation.writeTo(responseHeaders, name);
    return FilterHeadersStatus.Continue;
  }

  /** Keeps or replaces the response; true if a kept answer was sent. */
  private judge(watch: Watch, status: i64, now: u64): bool {
    const rule = watch.rule;
    const reason = rule.policy.serve.reasonFor(status, facts);
    if (reason == Reason.None) {
      this.note(rule, Outcome.Passed);
      if (!this.isHead && rule.policy.keep.hasStatus(status)) this.collect(watch, <u32>status, now);
      return false;
    }
    const answer = this.find(watch);
    if (!answer) {
      this.note(rule, Outcome.Missed);
      return false;
    }
    if (answer.ageAt(now) >= answer.usableOnError) {
      this.note(rule, Outcome.Expired);
      return false;
    }
    this.note(rule, Outcome.Served + reason);
    if (rule.isShadow) return false;
    this.serve(answer, rule, reason, status, now);
    return true;
  }

  /** The kept answer: the one for the request's `accept-encoding`, else one that suits any. */
  private find(watch: Watch): Answer | null {
    const plugin = this.plugin;
    const answers = watch.rule.answers;
    this.foundHash = plugin.keeper.hashOf(watch.encodedKey);
    const encoded = answers.find(this.foundHash, watch.encodedKey);
    if (encoded) return encoded;
    this.foundHash = plugin.keeper.hashOf(watch.plainKey);
    return answers.find(this.foundHash, watch.plainKey);
  }

  private serve(answer: Answer, rule: Rule, reason: i32, status: i64, now: u64): void {
    const name = this.plugin.config.explainHeader;
    reply.begin(answer, now);
    reply.mark(rule.reasonWords[reason], isForwarded(reason), status);
    if (name) reply.add(name, this.explanation.text());
    reply.send(rule.details);
  }

  /** Begins to collect a good answer, if it is to be kept. */
  private collect(watch: Watch, status: u32, now: u64): void {
    const plugin = this.plugin;
    const rule = watch.rule;
    const known = plugin.keeper.hashOf(watch.encodedKey) ^ rule.salt;
    if (!plugin.recent.isDue(known, now)) return;
    plugin.recent.setDue(known, now + rule.policy.keep.refreshNs);
    const collector = plugin.collectors.take();
    if (!collector) {
      rule.countKeep(KeepOutcome.Busy);
      return;
    }
    const outcome = this.read(watch, collector, status, now);
    if (outcome == KeepOutcome.Kept) return;
    plugin.collectors.give(collector);
    rule.countKeep(outcome);
  }

  /** Reads the response's headers into the collector, and begins with the body. */
  private read(watch: Watch, collector: Collector, status: u32, now: u64): KeepOutcome {
    const plugin = this.plugin;
    const rule = watch.rule;
    const pairs = responseHeaders.pairs();
    if (!pairs) return KeepOutcome.Broken;
    const keeper = plugin.keeper;
    const outcome = keeper.read(
      pairs,
      rule,
      watch.plainKey,
      watch.encodedKey,
      status,
      this.began,
      now,
      collector,
    );
    if (outcome != KeepOutcome.Kept) return outcome;
    if (rule.answers.dueAt(keeper.hash, now) > now) {
      return rule.answers.isCrowded ? KeepOutcome.Crowded : KeepOutcome.Fresh;
    }
    watch.begin(collector, plugin.collectors, keeper.hash, now, keeper.contentLength);
    return KeepOutcome.Kept;
  }

  override onResponseBody(size: u32, endOfStream: bool): FilterDataStatus {
    if (this.isCollecting()) {
      const piece = size > 0 ? responseBody.read(0, size) : null;
      for (let i = 0; i < this.count && piece; i++) unchecked(this.watches[i]).add(piece);
      if (endOfStream) this.finish();
    }
    return FilterDataStatus.Continue;
  }

  private isCollecting(): bool {
    for (let i = 0; i < this.count; i++) {
      if (unchecked(this.watches[i]).isCollecting) return true;
    }
    return false;
  }

  /** The response is whole. */
  private finish(): void {
    for (let i = 0; i < this.count; i++) unchecked(this.watches[i]).finish();
  }

  override onRecycle(): bool {
    for (let i = 0; i < this.count; i++) unchecked(this.watches[i]).abandon();
    this.count = 0;
    this.explanation.clear();
    this.isHead = false;
    return true;
  }
}
