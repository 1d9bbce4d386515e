// A clock for measuring. Nobody sets it, so a timer is not an hour late when the time of day is
// corrected.

import { OUT_LONG } from "../abi/memory";
import { clock_time_get } from "../abi/wasi_snapshot_preview1";

const MONOTONIC: u32 = 1;

/** Nanoseconds since some moment before the VM's start. Never goes back. One host call. */
export function monotonicNanoseconds(): u64 {
  store<u64>(OUT_LONG, 0);
  clock_time_get(MONOTONIC, 1, OUT_LONG);
  return load<u64>(OUT_LONG);
}
