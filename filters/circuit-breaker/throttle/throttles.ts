// The throttles of one rule, in shared data: a window for each key, which
// all workers change by compare-and-set.

import { Bytes, incrementMetric, monotonicNanoseconds, Status, sharedKey } from "../../../assembly";
import { Kept, SharedTable, tagOf } from "../../../assembly/rules";
import { BUCKET_SIZE, findEntry, NO_ENTRY, spareEntry, takeEntry } from "../bucket";
import { AREA, isDisturbed, noteWritten } from "../entry";
import { Gate, gauge, Permit } from "../gate";
import { Result, Verdict } from "../policy";
import { Throttle } from "./throttle";

/** Layout of a bucket and of its entries: raise it with any change of what `throttle.ts` writes. */
const LAYOUT: u32 = 1;
/** Each attempt fails only because another worker's has succeeded. */
const ATTEMPTS: i32 = 1000;

@final
export class Throttles extends Gate {
  private readonly table: SharedTable;
  private readonly disturbed: u32;
  /** The entry was away from its resting state when it was read. */
  private wasDisturbed: bool = false;

  /**
   * Make it once the configuration is accepted: it defines metrics.
   * @param names throttles with the same names are the same
   */
  constructor(
    names: StaticArray<Bytes>,
    rule: string,
    keys: u32,
    private readonly throttle: Throttle,
  ) {
    super();
    const key = sharedKey("circuit-breaker", "throttle", LAYOUT, names);
    this.table = new SharedTable("ct", key, keys, BUCKET_SIZE, Kept.Busy);
    this.disturbed = gauge("disturbed", ["rule", rule]);
  }

  /**
   * Two host calls, or one if the worker knows what it has written last, and one more where the
   * request could be refused.
   */
  admit(permit: Permit): Verdict {
    let now = permit.began;
    for (let i = 0; i < ATTEMPTS; i++) {
      const entry = this.open(permit.hash, now);
      const admits = this.throttle.admits(entry + AREA, now);
      const status = this.close(entry, now);
      if (status == Status.Ok) {
        this.wait = this.throttle.wait;
        return admits ? Verdict.Pass : Verdict.Refuse;
      }
      if (status != Status.CasMismatch) break;
      now = monotonicNanoseconds();
    }
    this.wait = 0;
    return Verdict.Refuse;
  }

  /** Two host calls for a failure, and none for what is not one. */
  settle(permit: Permit, result: Result): void {
    if (result != Result.Failed) return;
    for (let i = 0; i < ATTEMPTS; i++) {
      const now = monotonicNanoseconds();
      const entry = this.open(permit.hash, now);
      this.throttle.fail(entry + AREA, now);
      if (this.close(entry, now) != Status.CasMismatch) return;
    }
  }

  /** The key's entry, perhaps in place of one that is missed less. */
  private open(hash: u64, now: u64): usize {
    this.table.openToWrite(hash);
    let entry = findEntry(this.table.bucket, tagOf(hash));
    const isNew = entry == NO_ENTRY;
    // There always is one: only open circuits keep theirs.
    if (isNew) entry = spareEntry(this.table.bucket, now, 0);
    this.wasDisturbed = isDisturbed(entry);
    if (isNew) takeEntry(entry, tagOf(hash), now);
    return entry;
  }

  private close(entry: usize, now: u64): Status {
    const isAway = this.throttle.isExceeded(entry + AREA);
    noteWritten(entry, now, isAway);
    const status = this.table.close();
    if (status == Status.Ok && isAway != this.wasDisturbed) incrementMetric(this.disturbed, isAway ? 1 : -1);
    return status;
  }
}
