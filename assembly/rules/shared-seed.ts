// A secret that all workers share: nobody else knows it, so that no client can make a key that is
// taken for another's.

import { randomBytes } from "../host/random";
import { SharedData, SharedUpdater } from "../host/shared-data";
import { Bytes } from "../text/bytes";
import { sharedKey } from "../text/shared-key";

/** Of the value: the 16 bytes, of which each filter makes its own hash. */
const LAYOUT: u32 = 1;
const SEED_SIZE: i32 = 16;
/** Only workers that start at once come between one another. */
const ATTEMPTS: u32 = 20;

/** Keeps the seed that is there, else sets a random one. */
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
