// The stages that ask the rate limit service: the rules' questions, and what its answer means for
// them.

import { Charge, Charges } from "../charge";
import { Decision } from "../decision";
import { ticksAt } from "../local/gcra";
import { hasRoom } from "../local/take";
import { Outcome } from "../outcomes";
import { Rule } from "../rule";
import { DescriptorStatus } from "./answer";
import { ServiceCall } from "./call";
import { FailureMode } from "./service";

const NANOSECONDS: u64 = 1_000_000_000;

/**
 * Adds the questions of the asking rules to the call, before any limit has taken anything. A key
 * that is known to be over the service's limit refuses the request at once.
 * @param time nanoseconds of the monotonic clock
 * @returns whether the call has a question, and must be started in the same callback
 */
export function ask(charges: Charges, call: ServiceCall, time: u64, decision: Decision): bool {
  if (decision.refused) return false;
  let begun = false;
  for (let i = 0; i < charges.count; i++) {
    const charge = charges.at(i);
    const global = charge.rule.policy.global;
    if (!global) continue;
    if (!begun) call.begin(time);
    begun = true;
    // A shadow rule's own limit counts the request later. Here it is only asked whether it has
    // room.
    if (charge.rule.isShadow && !hasRoom(charge, ticksAt(time))) continue;
    if (!call.ask(charge, global)) refuseUnasked(charge, call.overForNs, decision);
  }
  return begun && call.charges.count > 0;
}

function refuseUnasked(charge: Charge, overForNs: u64, decision: Decision): void {
  const rule = charge.rule;
  rule.settle(Outcome.LimitedLocally, decision);
  if (rule.isShadow) return;
  const seconds = wholeSeconds(overForNs);
  decision.refuse(rule.number, Outcome.LimitedLocally, seconds);
  const note = decision.quotaOf(rule.number, 0);
  if (!note) return;
  note.moreSeconds = seconds;
  note.fullSeconds = seconds;
}

/** Decides by the service's answer, or by the failure mode if there is none. */
export function heed(call: ServiceCall, mode: FailureMode, decision: Decision): void {
  for (let i = 0; i < call.charges.count; i++) {
    const rule = call.charges.at(i).rule;
    if (call.failed) heedFailure(rule, mode, decision);
    else heedStatus(rule, call.status(i), decision);
  }
}

function heedFailure(rule: Rule, mode: FailureMode, decision: Decision): void {
  const denied = mode == FailureMode.Deny;
  rule.settle(denied ? Outcome.ServiceFailedDenied : Outcome.ServiceFailedAllowed, decision);
  if (denied && !rule.isShadow) decision.refuse(rule.number, Outcome.ServiceFailedDenied, 0);
}

function heedStatus(rule: Rule, status: DescriptorStatus, decision: Decision): void {
  rule.settle(status.over ? Outcome.Limited : Outcome.Allowed, decision);
  if (rule.isShadow) return;
  const seconds = wholeSeconds(status.resetNs);
  if (status.limit > 0) noteQuota(rule, status, seconds, decision);
  if (status.over) decision.refuse(rule.number, Outcome.Limited, seconds);
}

function noteQuota(rule: Rule, status: DescriptorStatus, seconds: u32, decision: Decision): void {
  const note = decision.quotaOf(rule.number, status.remaining);
  if (!note) return;
  note.limit = status.limit;
  note.unitSeconds = status.unitSeconds;
  // When a service's window ends, its whole limit is free again at once.
  note.moreSeconds = seconds;
  note.fullSeconds = seconds;
}

/** Whole seconds, rounded up, and never `NEVER`. */
function wholeSeconds(ns: u64): u32 {
  return <u32>min<u64>((ns + NANOSECONDS - 1) / NANOSECONDS, u32.MAX_VALUE - 1);
}
