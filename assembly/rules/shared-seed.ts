// A secret that all workers share. Nobody else knows it, so no client can make a key that passes
// for another client's.

import { randomBytes } from "../host/random";
import { SharedData, SharedUpdater } from "../host/shared-data";
import { Bytes } from "../text/bytes";
import { sharedKey } from "../text/shared-key";

/** Layout of the value: 16 bytes, from which each filter makes its own hash. */
const LAYOUT: u32 = 1;
const SEED_SIZE: i32 = 16;
/** Only workers that start at the same time get in each other's way. */
const ATTEMPTS: u32 = 20;

/** Keeps an existing seed, else sets a random one. */
@final
class SeedUpdater extends SharedUpdater {
  readonly seed: Bytes = Bytes.owned(SEED_SIZE);

  compute(old: Bytes | null): Bytes | null {
    if (old && old.size == SEED_SIZE) {
      memory.copy(this.seed.ptr, old.ptr, SEED_SIZE);
      return null;
    }
    memory.copy(this.seed.ptr, randomBytes(SEED_SIZE), SEED_SIZE);
    return this.seed;
  }
}

/**
 * 16 bytes, the same for all filters and workers of one `vm_id`, for as long as one of its VMs
 * lives.
 */
export function sharedSeed(): Bytes {
  const updater = new SeedUpdater();
  new SharedData(sharedKey("rules", "seed", LAYOUT)).update(updater, ATTEMPTS);
  return updater.seed;
}
