// The stages that ask limits of this Envoy: looking ahead, taking, and shadows. They are the same
// for the limits beside the service and for those in its place.

import { Charge, Charges } from "../charge";
import { Decision } from "../decision";
import { Outcome } from "../outcomes";
import { Rule } from "../rule";
import { LocalLimit, Verdict } from "./limit";

/**
 * If several limits act, asks each of them first, so that none takes anything for a request that
 * another refuses. One host call for each; none where only this worker has taken from it lately.
 * @param now in ticks
 */
export function lookAhead(charges: Charges, now: u64, decision: Decision): void {
  if (charges.acting < 2 || decision.refused) return;
  for (let i = 0; i < charges.count; i++) {
    const charge = charges.at(i);
    const limit = charge.actingLimit;
    if (!limit) continue;
    const verdict = canPresume(charge, limit)
      ? limit.presume(charge.hash, charge.cost, now)
      : limit.look(charge.hash, charge.cost, now);
    if (verdict == Verdict.Passed) noteQuota(charge.rule, limit, decision);
    else refuse(charge.rule, limit, verdict, decision);
  }
}

/** Whether `take` will show if it was wrong, and what others gave can be given back then. */
function canPresume(charge: Charge, limit: LocalLimit): bool {
  return !charge.isOwed && !limit.isLeased;
}

/** Whether the limit of the charge, if it has one, lets the request pass. One host call at most. */
export function hasRoom(charge: Charge, now: u64): bool {
  const limit = charge.limit;
  return !limit || limit.look(charge.hash, charge.cost, now) == Verdict.Passed;
}

/**
 * Takes from every acting limit, up to the first that refuses: then the others get back what they
 * gave. Host calls as in `LocalLimit.take`.
 * @param now in ticks
 */
export function take(charges: Charges, now: u64, decision: Decision): void {
  for (let i = 0; i < charges.count && !decision.refused; i++) {
    const charge = charges.at(i);
    const limit = charge.actingLimit;
    if (!limit) continue;
    const verdict = takeFrom(limit, charge, now, charges.acting > 1, decision);
    if (verdict != Verdict.Passed) {
      giveBack(charges, i, now);
      refuse(charge.rule, limit, verdict, decision);
      return;
    }
    noteQuota(charge.rule, limit, decision);
  }
  for (let i = 0; i < charges.count && !decision.refused; i++) {
    const charge = charges.at(i);
    if (charge.actingLimit) settlePassed(charge, decision);
  }
}

/** Gives back what the limits of the first charges gave. */
function giveBack(charges: Charges, end: i32, now: u64): void {
  for (let i = 0; i < end; i++) {
    const charge = charges.at(i);
    const limit = charge.actingLimit;
    if (limit && !charge.isOwed) limit.giveBack(charge.hash, charge.cost, now);
  }
}

/**
 * Counts what the limits in shadow mode say. They come last: in force, such a limit would take
 * nothing for a request that an acting rule refuses.
 * @param now in ticks
 */
export function shadow(charges: Charges, now: u64, decision: Decision): void {
  for (let i = 0; i < charges.count; i++) {
    const charge = charges.at(i);
    const limit = charge.limit;
    if (!limit || !charge.rule.isShadow) continue;
    const verdict = decision.refused
      ? limit.look(charge.hash, charge.cost, now)
      : takeFrom(limit, charge, now, false, decision);
    if (verdict == Verdict.Passed) settlePassed(charge, decision);
    else charge.rule.settle(outcomeOf(verdict), decision);
  }
}

function takeFrom(limit: LocalLimit, charge: Charge, now: u64, looked: bool, decision: Decision): Verdict {
  if (charge.isOwed) return owe(limit, charge, now, looked, decision);
  const verdict = limit.take(charge.hash, charge.cost, now, looked);
  if (verdict == Verdict.Passed && limit.evicted) charge.rule.countEviction();
  return verdict;
}

/** Lets a request pass that pays after its answer, while anything is left. */
function owe(limit: LocalLimit, charge: Charge, now: u64, looked: bool, decision: Decision): Verdict {
  const verdict = looked ? Verdict.Passed : limit.look(charge.hash, charge.cost, now);
  if (verdict == Verdict.Passed) decision.dues.add(charge.rule, limit, charge.hash);
  return verdict;
}

function settlePassed(charge: Charge, decision: Decision): void {
  if (!charge.awaitsService) charge.rule.settle(charge.passed, decision);
}

function refuse(rule: Rule, limit: LocalLimit, verdict: Verdict, decision: Decision): void {
  const reason = outcomeOf(verdict);
  rule.settle(reason, decision);
  noteQuota(rule, limit, decision);
  decision.refuse(rule.number, reason, limit.waitSeconds);
}

function outcomeOf(refusal: Verdict): Outcome {
  return refusal == Verdict.Over ? Outcome.Limited : Outcome.Contended;
}

/** Notes the limit's last answer. */
function noteQuota(rule: Rule, limit: LocalLimit, decision: Decision): void {
  if (!decision.isNoted) return;
  const note = decision.quotaOf(rule.number, limit.remaining);
  if (!note) return;
  note.limit = limit.gcra.limit;
  note.unitSeconds = limit.gcra.unitSeconds;
  note.moreSeconds = limit.moreSeconds;
  note.fullSeconds = limit.fullSeconds;
}
