// A request's deadline as a moment of the monotonic clock. It is kept with the request, where the
// filters of both chains see it, and no client can set it.

import { Bytes, getProperty, NO_TIMEOUT, setProperty } from "../../assembly";

/** Layout of the value: VMs of an older release may serve the same request. */
const PROPERTY = Bytes.of("meshwright.deadline.1");
const SIZE: i32 = 8;
const value = Bytes.owned(SIZE);

/** The request's moment, `NO_TIMEOUT` if it has none. One host call. */
export function readMoment(): u64 {
  const kept = getProperty(PROPERTY);
  return kept && kept.size == SIZE ? load<u64>(kept.ptr) : NO_TIMEOUT;
}

/** One host call. */
export function writeMoment(moment: u64): void {
  store<u64>(value.ptr, moment);
  setProperty(PROPERTY, value);
}

/** The time from now until the moment, 0 if it has passed. */
export function timeUntil(moment: u64, now: u64): u64 {
  if (moment == NO_TIMEOUT) return NO_TIMEOUT;
  return moment > now ? moment - now : 0;
}
