// All rules of a plugin, and what they make of a request: which of them count it, and whether this
// Envoy's limits let it pass.

import { Bytes, monotonicNanoseconds } from "../../assembly";
import { MatchList, RequestMatch, RequestView } from "../../assembly/rules";
import { Picked } from "./charge";
import { Decision } from "./decision";
import { ticksAt } from "./local/gcra";
import { NEVER, Verdict } from "./local/limit";
import { Outcome } from "./outcomes";
import { Missing } from "./policy";
import { outcomeOf, Rule } from "./rule";
import { ServiceCall } from "./service/call";
import { ServiceRules } from "./service/rules";

/** One for a plugin: a request is decided on within a callback, or with the service's answer. */
@final
export class Limits {
  private readonly matches: MatchList;
  /** Room for all rules; the first `count` are those that count the request in hand. */
  private readonly picked: StaticArray<Picked>;
  private count: i32 = 0;
  /** Of those picked: how many limits of this Envoy act, and whether some rule asks the service. */
  private acting: i32 = 0;
  private asking: bool = false;

  constructor(
    readonly rules: StaticArray<Rule>,
    private readonly request: RequestView,
    private readonly seed: Bytes,
    readonly service: ServiceRules,
  ) {
    const matches = new StaticArray<RequestMatch>(rules.length);
    const picked = new StaticArray<Picked>(rules.length);
    for (let i = 0; i < rules.length; i++) {
      matches[i] = rules[i].policy.selection.match;
      picked[i] = new Picked();
    }
    this.picked = picked;
    this.matches = new MatchList(matches);
  }

  /**
   * Decides as far as this Envoy knows.
   * @param call where some rule may ask the service
   * @returns true where the service is to be asked as well: `call` has the questions, and is to be
   * started in the same callback
   */
  decide(decision: Decision, call: ServiceCall | null): bool {
    this.pick(decision);
    if (this.count == 0) return false;
    const time = monotonicNanoseconds();
    const now = ticksAt(time);
    if (!decision.refused && this.acting > 1) this.lookAhead(decision, now);
    const asks = call && this.asking && !decision.refused ? this.ask(call, decision, time) : false;
    for (let i = 0; i < this.count && !decision.refused; i++)
      this.take(unchecked(this.picked[i]), decision, now);
    for (let i = 0; i < this.count; i++) this.shadow(unchecked(this.picked[i]), decision, now);
    return asks && !decision.refused;
  }

  /** Finds the rules that count the request, and as what. */
  private pick(decision: Decision): void {
    this.count = 0;
    this.acting = 0;
    this.asking = false;
    const matches = this.matches;
    for (let i = matches.first(this.request); i >= 0; i = matches.next(this.request)) {
      const rule = unchecked(this.rules[i]);
      const policy = rule.policy;
      if (!policy.selection.share.includes(this.request)) continue;
      const exempt = policy.exempt;
      if (exempt && exempt.has(this.request)) {
        rule.settle(Outcome.Exempt, decision);
        continue;
      }
      const isWhole = policy.key.read(this.request, this.seed);
      if (isWhole || policy.missing == Missing.Share) this.add(rule, isWhole);
      else miss(rule, decision);
    }
  }

  private add(rule: Rule, isWhole: bool): void {
    const policy = rule.policy;
    const picked = unchecked(this.picked[this.count++]);
    picked.number = rule.number;
    picked.hash = policy.key.hash;
    picked.cost = policy.cost.of(this.request);
    picked.isWhole = isWhole;
    if (policy.local && !rule.isShadow) this.acting++;
    if (policy.global) this.asking = true;
  }

  /** Where several limits act, none takes anything for a request that another refuses. */
  private lookAhead(decision: Decision, now: u64): void {
    for (let i = 0; i < this.count; i++) {
      const picked = unchecked(this.picked[i]);
      const rule = unchecked(this.rules[picked.number]);
      const limit = rule.local;
      if (!limit || rule.isShadow) continue;
      const verdict = limit.look(picked.hash, picked.cost, now);
      if (verdict == Verdict.Passed) rule.noteQuota(limit, decision);
      else rule.refuse(outcomeOf(verdict), limit, decision);
    }
  }

  /**
   * Puts the questions to the call, before anything is taken: a key that is known to be over
   * refuses. False where there are none.
   */
  private ask(call: ServiceCall, decision: Decision, time: u64): bool {
    call.begin(time);
    for (let i = 0; i < this.count; i++) {
      const picked = unchecked(this.picked[i]);
      const rule = unchecked(this.rules[picked.number]);
      if (!rule.policy.global) continue;
      // Of a shadow nobody has asked yet what its own limit says.
      if (rule.isShadow && !this.hasRoom(rule, picked, ticksAt(time))) continue;
      this.service.ask(rule, picked, call, decision);
    }
    return call.asked > 0;
  }

  private hasRoom(rule: Rule, picked: Picked, now: u64): bool {
    const limit = rule.local;
    return !limit || limit.look(picked.hash, picked.cost, now) == Verdict.Passed;
  }

  private take(picked: Picked, decision: Decision, now: u64): void {
    const rule = unchecked(this.rules[picked.number]);
    const limit = rule.local;
    if (!limit || rule.isShadow) return;
    const verdict = rule.take(limit, picked.hash, picked.cost, now);
    if (verdict != Verdict.Passed) {
      rule.refuse(outcomeOf(verdict), limit, decision);
      return;
    }
    rule.noteQuota(limit, decision);
    if (!rule.policy.global) rule.settle(Outcome.Allowed, decision);
  }

  private shadow(picked: Picked, decision: Decision, now: u64): void {
    const rule = unchecked(this.rules[picked.number]);
    const limit = rule.local;
    if (!limit || !rule.isShadow) return;
    const verdict = rule.probe(limit, picked.hash, picked.cost, now, decision);
    if (verdict != Verdict.Passed) rule.settle(outcomeOf(verdict), decision);
    else if (!rule.policy.global) rule.settle(Outcome.Allowed, decision);
  }
}

function miss(rule: Rule, decision: Decision): void {
  const skips = rule.policy.missing == Missing.Skip;
  rule.settle(skips ? Outcome.Skipped : Outcome.Denied, decision);
  if (!skips && !rule.isShadow) decision.refuse(rule.number, Outcome.Denied, NEVER);
}
