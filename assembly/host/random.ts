// Random numbers from the host. One host call fetches enough for many draws.

import { random_get } from "../abi/wasi_snapshot_preview1";

const POOL_SIZE: usize = 512;
const pool: usize = memory.data(512, 8);
let used: usize = POOL_SIZE;

/** The address of `size` random bytes, 1 to 512, valid until the next draw. */
export function randomBytes(size: usize): usize {
  if (size > POOL_SIZE - used) {
    // The host fails only for an address outside of the memory.
    assert(random_get(pool, POOL_SIZE) == 0, "the host has no random numbers");
    used = 0;
  }
  const ptr = pool + used;
  used += size;
  return ptr;
}

/**
 * A random number in [0, bound). All numbers are equally likely, to within bound / 2^64. `bound`
 * must not be 0.
 */
export function randomBelow(bound: u32): u32 {
  return <u32>(load<u64>(randomBytes(8)) % bound);
}
