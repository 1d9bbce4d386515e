// What this worker holds of each key's limit: a lease. It is a stretch of the line on which the
// key's moment moves, between two ticks. The worker has moved the shared moment past the whole
// stretch, so the stretch is nobody else's, and a request that takes a part of it needs no shared
// data.
//
// A part may be taken as long as its begin has not passed. So the stretch of every request begins
// at or after the request's own time, as it does without leases, and all stretches are apart: the
// limit's proof holds word for word. What is not taken in time is lost, and nobody has to give it
// back: the limit refills by the same time.

import { Bytes } from "../../../assembly";
import { Gcra } from "./gcra";

/** One place for each key of the latest; a power of two. */
const PLACES: u64 = 1024;
const PLACE_SIZE: usize = 40;
const BEGIN: usize = 8;
const END: usize = 16;
/** When the lease was taken, and how many requests it served. */
const TAKEN: usize = 24;
const SERVED: usize = 32;
/** A bucket of which no more than this part is used counts as full: nobody misses what is lost. */
const CALM_PART: u64 = 256;

/** The leases of one limit in one worker. `of` opens a key's lease, the rest is about it. */
@final
export class Leases {
  private readonly places: Bytes = Bytes.owned(<i32>(PLACES * PLACE_SIZE));
  private place: usize = this.places.ptr;

  private readonly most: u32;
  /** How long the largest lease lasts at least. */
  private readonly duration: u64;
  /** Up to here, a bucket counts as full. */
  private readonly calm: u64;

  /** @param most requests of cost 1 that a lease may have, at least 1 */
  constructor(gcra: Gcra, most: u32) {
    this.most = most;
    this.duration = gcra.ticksOf(most);
    this.calm = gcra.tolerance / CALM_PART;
  }

  /** Opens the lease of a key. Where another key had the place, that one's lease is lost. */
  of(tag: u64): void {
    const place = this.places.ptr + <usize>(tag & (PLACES - 1)) * PLACE_SIZE;
    this.place = place;
    if (load<u64>(place) == tag) return;
    memory.fill(place, 0, PLACE_SIZE);
    store<u64>(place, tag);
  }

  /** The key's moment when the lease was taken, as it then was for everybody else. */
  get end(): u64 {
    return load<u64>(this.place, END);
  }

  /** Whether so much of the lease is left. */
  has(ticks: u64, now: u64): bool {
    return max(load<u64>(this.place, BEGIN), now) + ticks <= load<u64>(this.place, END);
  }

  /** Takes what the lease `has`. */
  spend(ticks: u64, now: u64): void {
    const place = this.place;
    store<u64>(place, max(load<u64>(place, BEGIN), now) + ticks, BEGIN);
    store<u32>(place, load<u32>(place, SERVED) + 1, SERVED);
  }

  /**
   * What the next lease shall have, in requests of cost 1: as much as this worker will need while
   * the lease lasts, by what came since the last one. So a worker to which few requests of a key
   * come holds nothing of it. While the bucket is full, a lease may have more than is needed,
   * because it lasts only as long as that takes to refill.
   * @param used how far the key's moment is after `now`
   */
  next(now: u64, used: u64, cost: u32): u32 {
    const taken = load<u64>(this.place, TAKEN);
    if (taken == 0 || taken > now) return 0;
    const gap = max<u64>(1, (now - taken) / (load<u32>(this.place, SERVED) + 1));
    if (used < this.calm) return this.duration >= gap ? this.most : 0;
    return <u32>min<u64>(this.most, (used / gap) * cost);
  }

  /** Begins a lease, which may be empty. */
  begin(from: u64, end: u64, now: u64): void {
    const place = this.place;
    store<u64>(place, from, BEGIN);
    store<u64>(place, end, END);
    store<u64>(place, now, TAKEN);
    store<u32>(place, 0, SERVED);
  }
}
