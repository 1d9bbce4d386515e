// The rules that ask the rate limit service: what they ask about a request, and what they make of
// the answer, or of none.

import { Bytes, monotonicNanoseconds } from "../../../assembly";
import { Picked } from "../charge";
import { Decision } from "../decision";
import { ticksAt } from "../local/gcra";
import { Verdict } from "../local/limit";
import { Outcome } from "../outcomes";
import { outcomeOf, Rule } from "../rule";
import { OVER_LOCALLY, ServiceCall } from "./call";
import { FailureMode } from "./service";

const NOTHING = new Bytes(0, 0);

/** One for a plugin. */
@final
export class ServiceRules {
  constructor(
    private readonly rules: StaticArray<Rule>,
    private readonly mode: FailureMode,
  ) {}

  /**
   * Puts the rule's question to the call, which is yet to start; refuses the request where the key
   * is known to be over.
   */
  ask(rule: Rule, picked: Picked, call: ServiceCall, decision: Decision): void {
    const global = rule.policy.global;
    if (!global) return;
    const key = rule.policy.key;
    for (let i = 0; i < key.count; i++) {
      // Requests that miss a part have one limit together: what else is in them does not tell them
      // apart.
      const isTold = picked.isWhole || key.isFixed(i);
      call.entry(key.name(i), isTold ? key.value(i) : NOTHING);
    }
    const question = call.ask(rule.number, global, picked.cost);
    if (question != OVER_LOCALLY) {
      call.keep(question, picked.hash);
      return;
    }
    rule.settle(Outcome.LimitedLocally, decision);
    if (rule.isShadow) return;
    const seconds = wholeSeconds(call.overForMs);
    decision.refuse(rule.number, Outcome.LimitedLocally, seconds);
    const note = decision.quotaOf(rule.number, 0);
    if (!note) return;
    note.moreSeconds = seconds;
    note.fullSeconds = seconds;
  }

  /** Decides by what the service said, or by what holds where it said nothing. */
  answered(call: ServiceCall, decision: Decision): void {
    if (call.failed && this.mode == FailureMode.Local) {
      this.fallBack(call, decision);
      return;
    }
    for (let i = 0; i < call.asked; i++) {
      const rule = unchecked(this.rules[call.rule(i)]);
      if (call.failed) this.fail(rule, decision);
      else this.heed(rule, call, i, decision);
    }
  }

  private heed(rule: Rule, call: ServiceCall, i: i32, decision: Decision): void {
    const seconds = wholeSeconds(call.resetMs(i));
    const isOver = call.over(i);
    rule.settle(isOver ? Outcome.Limited : Outcome.Allowed, decision);
    if (rule.isShadow) return;
    if (call.limit(i) > 0) noteQuota(rule, call, i, seconds, decision);
    if (isOver) decision.refuse(rule.number, Outcome.Limited, seconds);
  }

  private fail(rule: Rule, decision: Decision): void {
    const denied = this.mode == FailureMode.Deny;
    rule.settle(denied ? Outcome.ServiceFailedDenied : Outcome.ServiceFailedAllowed, decision);
    if (denied && !rule.isShadow) decision.refuse(rule.number, Outcome.ServiceFailedDenied, 0);
  }

  /**
   * As with the limits that hold beside the service: none takes anything for a request that another
   * refuses, and shadows come last.
   */
  private fallBack(call: ServiceCall, decision: Decision): void {
    const now = ticksAt(monotonicNanoseconds());
    for (let i = 0; i < call.asked && call.asked > 1; i++) this.lookAhead(call, i, now, decision);
    for (let i = 0; i < call.asked && !decision.refused; i++) this.take(call, i, now, decision);
    for (let i = 0; i < call.asked; i++) this.shadow(call, i, now, decision);
  }

  private lookAhead(call: ServiceCall, i: i32, now: u64, decision: Decision): void {
    const rule = unchecked(this.rules[call.rule(i)]);
    const limit = rule.fallback;
    if (!limit || rule.isShadow) return;
    const verdict = limit.look(call.hash(i), call.cost(i), now);
    if (verdict == Verdict.Passed) rule.noteQuota(limit, decision);
    else rule.refuse(outcomeOf(verdict), limit, decision);
  }

  private take(call: ServiceCall, i: i32, now: u64, decision: Decision): void {
    const rule = unchecked(this.rules[call.rule(i)]);
    const limit = rule.fallback;
    if (!limit || rule.isShadow) return;
    const verdict = rule.take(limit, call.hash(i), call.cost(i), now);
    if (verdict != Verdict.Passed) {
      rule.refuse(outcomeOf(verdict), limit, decision);
      return;
    }
    rule.noteQuota(limit, decision);
    rule.settle(Outcome.ServiceFailedLocal, decision);
  }

  private shadow(call: ServiceCall, i: i32, now: u64, decision: Decision): void {
    const rule = unchecked(this.rules[call.rule(i)]);
    const limit = rule.fallback;
    if (!limit || !rule.isShadow) return;
    const verdict = rule.probe(limit, call.hash(i), call.cost(i), now, decision);
    rule.settle(verdict == Verdict.Passed ? Outcome.ServiceFailedLocal : outcomeOf(verdict), decision);
  }
}

function noteQuota(rule: Rule, call: ServiceCall, i: i32, seconds: u32, decision: Decision): void {
  const note = decision.quotaOf(rule.number, call.remaining(i));
  if (!note) return;
  note.limit = call.limit(i);
  note.unitSeconds = call.unitSeconds(i);
  note.remaining = call.remaining(i);
  // A service's window begins anew all at once.
  note.moreSeconds = seconds;
  note.fullSeconds = seconds;
}

function wholeSeconds(ms: u64): u32 {
  return <u32>min<u64>((ms + 999) / 1000, u32.MAX_VALUE - 1);
}
