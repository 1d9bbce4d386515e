// The stages that count requests in flight: holding a place of each limit, and the shadows.

import { Charge, Charges } from "../charge";
import { Decision } from "../decision";
import { Verdict } from "../local/limit";
import { Outcome } from "../outcomes";
import { ConcurrencyLimit } from "./limit";

/**
 * Holds a place of every acting limit, up to the first that has none. `Decision` gives back what a
 * request holds that does not pass. Host calls as in `ConcurrencyLimit.take`.
 * @param now nanoseconds of the monotonic clock
 */
export function hold(charges: Charges, now: u64, decision: Decision): void {
  for (let i = 0; i < charges.count && !decision.refused; i++) {
    const charge = charges.at(i);
    const limit = charge.concurrency;
    if (!limit || charge.rule.isShadow || holds(limit, charge, now, decision)) continue;
    const reason = limit.verdict == Verdict.Over ? Outcome.Limited : Outcome.Contended;
    charge.rule.settle(reason, decision);
    // Nobody knows when a request will end.
    decision.refuse(charge.rule.number, reason, 0);
  }
}

/**
 * Once all limits have let the request pass: settles the rules that hold a place for it, and lets
 * the shadows count.
 */
export function settleHeld(charges: Charges, now: u64, decision: Decision): void {
  for (let i = 0; i < charges.count; i++) {
    const charge = charges.at(i);
    const limit = charge.concurrency;
    if (!limit) continue;
    if (charge.rule.isShadow) shadow(limit, charge, now, decision);
    else if (!decision.refused) charge.rule.settle(Outcome.Allowed, decision);
  }
}

function shadow(limit: ConcurrencyLimit, charge: Charge, now: u64, decision: Decision): void {
  const passes = decision.refused
    ? limit.look(charge.hash, now) == Verdict.Passed
    : holds(limit, charge, now, decision);
  charge.rule.settle(passes ? Outcome.Allowed : Outcome.Limited, decision);
}

function holds(limit: ConcurrencyLimit, charge: Charge, now: u64, decision: Decision): bool {
  const holding = limit.take(charge.hash, now);
  if (holding) decision.permits.add(limit, holding);
  return holding != null;
}
