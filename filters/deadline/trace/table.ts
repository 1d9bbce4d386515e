// The traces of the requests that a service is answering, in shared data: the filter before the
// service writes it, the filter behind the service reads it. It has a fixed size, and whoever sends
// requests cannot choose which bucket a trace is in.

import { Bytes, Status, sharedKey } from "../../../assembly";
import { idHalf, Kept, SharedTable, sharedSeed, sipHash } from "../../../assembly/rules";
import { BUCKET_SIZE, NO_PLACE, recall, release, remember, revive } from "./bucket";

/** Layout of a bucket, and of how a trace's bucket is computed. */
const LAYOUT: u32 = 1;
/** With 16 traces in each: 65,536 traces in at most 4 MiB, created as they are needed. */
const BUCKETS: u32 = 4096;
/**
 * With four workers on one bucket the second attempt mostly succeeds. This many fail only if
 * something is wrong; then the trace is not remembered.
 */
const ATTEMPTS: i32 = 1000;

/** The place of an open request in the table. */
@final
export class TracePlace {
  /** `NO_PLACE` if the table does not have the request. */
  number: i32 = NO_PLACE;
  high: u64 = 0;
  low: u64 = 0;
  moment: u64 = 0;
}

@final
export class TraceTable {
  private readonly table: SharedTable;
  private readonly key0: u64;
  private readonly key1: u64;
  /** The trace of the last call, and the hash of its id. */
  private readonly id: Bytes = Bytes.owned(16);
  private hash: u64 = 0;

  constructor() {
    const seed = sharedSeed();
    this.key0 = load<u64>(seed.ptr);
    this.key1 = load<u64>(seed.ptr, 8);
    const key = sharedKey("deadline", "traces", LAYOUT);
    this.table = new SharedTable("dl", key, BUCKETS, BUCKET_SIZE, Kept.Latest);
  }

  /**
   * The moment at which the trace's time is over, see `recall`. One host call.
   * @param id in hexadecimal digits
   */
  recall(id: Bytes, now: u64): u64 {
    this.select(idHalf(id, true), idHalf(id, false));
    return recall(this.open(), this.high, this.low, now);
  }

  /**
   * Adds an open request, and notes its place. Two host calls, or one if the worker knows what it
   * has written last, and two more each time that another worker comes between.
   * @returns false if there was no room
   */
  remember(id: Bytes, moment: u64, now: u64, place: TracePlace): bool {
    this.select(idHalf(id, true), idHalf(id, false));
    for (let i = 0; i < ATTEMPTS; i++) {
      let number = remember(this.openToWrite(), this.high, this.low, moment, now);
      if (number == NO_PLACE && this.table.isKept) {
        number = remember(this.open(), this.high, this.low, moment, now);
      }
      if (number == NO_PLACE) return false;
      const status = this.table.close();
      if (status == Status.CasMismatch) continue;
      if (status != Status.Ok) return false;
      place.number = number;
      place.high = this.high;
      place.low = this.low;
      place.moment = moment;
      return true;
    }
    return false;
  }

  /** The request of that place is over. Host calls as for `remember`. */
  release(place: TracePlace, now: u64, isCut: bool): void {
    this.select(place.high, place.low);
    for (let i = 0; i < ATTEMPTS; i++) {
      let hasChanged = releaseIn(this.openToWrite(), place, now, isCut);
      if (!hasChanged && this.table.isKept) hasChanged = releaseIn(this.open(), place, now, isCut);
      if (!hasChanged) break;
      if (this.table.close() != Status.CasMismatch) break;
    }
    place.number = NO_PLACE;
  }

  /** A request of the trace without a deadline begins. One host call, seldom two. */
  revive(id: Bytes, now: u64): void {
    this.select(idHalf(id, true), idHalf(id, false));
    for (let i = 0; i < ATTEMPTS; i++) {
      if (!revive(this.open(), this.high, this.low, now)) return;
      if (this.table.close() != Status.CasMismatch) return;
    }
  }

  private get high(): u64 {
    return load<u64>(this.id.ptr);
  }

  private get low(): u64 {
    return load<u64>(this.id.ptr, 8);
  }

  private select(high: u64, low: u64): void {
    store<u64>(this.id.ptr, high);
    store<u64>(this.id.ptr, low, 8);
    this.hash = sipHash(this.key0, this.key1, this.id);
  }

  private open(): usize {
    this.table.open(this.hash);
    return this.table.bucket;
  }
  private openToWrite(): usize {
    this.table.openToWrite(this.hash);
    return this.table.bucket;
  }
}

function releaseIn(bucket: usize, place: TracePlace, now: u64, isCut: bool): bool {
  return release(bucket, place.high, place.low, place.number, place.moment, now, isCut);
}
