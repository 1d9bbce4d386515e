// The time of day, from the host.

import { proxy_get_current_time_nanoseconds } from "@solo-io/proxy-runtime/assembly/imports";
import { OUT_LONG } from "../abi/memory";

export const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/**
 * Nanoseconds since 1970, UTC. It follows the machine's clock, which may be set back. One host
 * call.
 */
export function nowNanoseconds(): u64 {
  store<u64>(OUT_LONG, 0);
  proxy_get_current_time_nanoseconds(OUT_LONG);
  return load<u64>(OUT_LONG);
}

/** Milliseconds since 1970, UTC. One host call. */
export function nowMilliseconds(): u64 {
  return nowNanoseconds() / NANOSECONDS_PER_MILLISECOND;
}
