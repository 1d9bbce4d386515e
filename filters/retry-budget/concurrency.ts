// The policy `concurrency`: active retries are at most a share of the active requests. Its books
// are one value in shared data, with an entry for each VM, so that the activity of a VM that has
// ended is forgotten. Here the books are read and changed as bytes, without the host.
//
// An entry: u64 VM, u64 when it was last written (monotonic clock), then the VM's activity:
//   0  u32 active attempts, retries among them
//   4  u32 active retries
//   8  u64 number of the newest lapse
//  16  2 × u32 promised retries, lapse n at n % 2
//  24  u32 the VM's slot, which no other entry has; 0 if it has none
//  28  u32 1 if the gauge of that slot says how many attempts are active, in place of the entry

import { Bytes } from "../../assembly";
import { BUCKETS } from "../../assembly/rules";
import { Books, LAPSE_NS } from "./books";
import { BusyCallers } from "./busy-callers";

/** An entry that was not written for this long belongs to a VM that is gone. */
const STALE_NS: u64 = 30_000_000_000;

const SEEN: usize = 8;
const ACTIVITY: usize = 16;
const ACTIVITY_SIZE: i32 = 32;
const ENTRY_SIZE: i32 = <i32>ACTIVITY + ACTIVITY_SIZE;
/** More than the workers of any proxy. If there are more, the entries written first are ignored. */
const MAX_ENTRIES: i32 = 512;
/** VMs beyond these have no slot: each is a metric, which Envoy keeps for long. */
const MAX_SLOTS: u32 = 128;

const RETRIES: usize = 4;
const LAPSE: usize = 8;
const PROMISED: usize = 16;
const SLOT: usize = 24;
const SHOWN: usize = 28;

/**
 * A VM knows its own activity best: it writes its whole entry each time, and no other VM writes it.
 */
@final
export class ConcurrencyBooks extends Books {
  private readonly owner: Bytes = Bytes.owned((MAX_ENTRIES + 1) * ENTRY_SIZE);
  /** What is active in this VM, by caller. */
  private readonly activities: Bytes;
  private readonly busy: BusyCallers;
  private caller: i32 = 0;
  private activity: usize = 0;
  /** This VM's entry, the last one, as the change makes it. */
  private entry: usize = 0;
  /** Active attempts of other VMs. Add to it what the gauges of their slots say. */
  otherAttempts: u64 = 0;
  /** Whether this VM is to have a slot. Set it before `load`. */
  wantsSlot: bool = false;
  /** How many other VMs have gauges that say how many attempts are active, and their slots. */
  otherSlots: i32 = 0;
  private readonly slots: StaticArray<u32> = new StaticArray<u32>(MAX_ENTRIES);
  private otherRetries: u64 = 0;
  private otherPromises: u64 = 0;

  /**
   * @param share retries in hundredths of a per cent of the requests, 0 to `BUCKETS`
   * @param least active retries that are always allowed
   * @param vm tells this VM from others
   * @param callers the highest number of a caller
   */
  constructor(
    private readonly share: u64,
    private readonly least: u64,
    private readonly vm: u64,
    callers: i32,
  ) {
    super();
    this.activities = Bytes.owned((callers + 1) * ACTIVITY_SIZE);
    this.busy = new BusyCallers(callers);
    this.bytes.ptr = this.owner.ptr;
    this.select(0);
  }

  select(caller: i32): void {
    this.caller = caller;
    this.activity = this.activities.ptr + caller * ACTIVITY_SIZE;
  }

  stepAt(now: u64): u64 {
    return 0;
  }

  nextBusy(from: i32): i32 {
    return this.busy.next(from);
  }

  /** Active attempts of the selected caller in this VM. */
  get ownAttempts(): u32 {
    return load<u32>(this.activity);
  }

  /** This VM's slot in the selected caller's books; 0 if it has none. */
  get slot(): u32 {
    return load<u32>(this.activity, SLOT);
  }

  /** Whether the gauge of that slot counts, in place of the books. */
  get isShown(): bool {
    return load<u32>(this.activity, SHOWN) != 0;
  }

  otherSlot(index: i32): u32 {
    return unchecked(this.slots[index]);
  }

  /** Attempts that begin or end beside the books, where the gauge counts. */
  addAttempts(change: i32): void {
    store<u32>(this.activity, max<i32>(0, load<i32>(this.activity) + change));
    this.busy.set(this.caller, this.ownAttempts > 0);
  }

  /** From now on the gauge of this VM's slot counts. */
  showSlot(): void {
    const own = this.entry + ACTIVITY;
    if (load<u32>(own, SLOT) == this.slot) store<u32>(own, 1, SHOWN);
  }

  load(kept: Bytes | null, now: u64): void {
    this.lapse = now / LAPSE_NS;
    this.entry = this.owner.ptr;
    this.otherAttempts = 0;
    this.otherRetries = 0;
    this.otherPromises = 0;
    this.otherSlots = 0;
    const knownSlot = kept && kept.size % ENTRY_SIZE == 0 ? this.loadOthers(kept, now) : 0;
    store<u64>(this.entry, this.vm);
    store<u64>(this.entry, now, SEEN);
    memory.copy(this.entry + ACTIVITY, this.activity, ACTIVITY_SIZE);
    this.keepSlot(knownSlot);
    this.advanceLapses();
    this.bytes.size = <i32>(this.entry - this.owner.ptr) + ENTRY_SIZE;
  }

  /** Returns the slot that the stored books have for this VM, or 0. */
  private loadOthers(kept: Bytes, now: u64): u32 {
    let knownSlot: u32 = 0;
    const end = kept.ptr + kept.size;
    const start = end - min(kept.size, MAX_ENTRIES * ENTRY_SIZE);
    for (let from = start; from < end; from += ENTRY_SIZE) {
      const seen = load<u64>(from, SEEN);
      if (load<u64>(from) == this.vm) {
        knownSlot = load<u32>(from, ACTIVITY + SLOT);
        continue;
      }
      if (now > seen && now - seen > STALE_NS) continue;
      memory.copy(this.entry, from, ENTRY_SIZE);
      this.entry += ENTRY_SIZE;
      this.addOther(from + ACTIVITY);
    }
    return knownSlot;
  }

  private addOther(activity: usize): void {
    if (load<u32>(activity, SHOWN) == 0) this.otherAttempts += load<u32>(activity);
    else unchecked((this.slots[this.otherSlots++] = load<u32>(activity, SLOT)));
    this.otherRetries += load<u32>(activity, RETRIES);
    this.otherPromises += promisedIn(activity, this.lapse);
  }

  /**
   * The books may have forgotten this VM, and another may have its slot. Then it takes another, and
   * its gauge does not count yet.
   * @param known the slot that the stored books have for this VM, or 0
   */
  private keepSlot(known: u32): void {
    const own = this.entry + ACTIVITY;
    if (this.wantsSlot && known != 0 && known == this.slot) return;
    store<u32>(own, this.wantsSlot ? this.freeSlot() : 0, SLOT);
    store<u32>(own, 0, SHOWN);
  }

  /** The lowest slot that no other VM has; 0 if there is none. */
  private freeSlot(): u32 {
    for (let slot: u32 = 1; slot <= MAX_SLOTS; slot++) if (!this.isTaken(slot)) return slot;
    return 0;
  }

  private isTaken(slot: u32): bool {
    for (let other = this.owner.ptr; other < this.entry; other += ENTRY_SIZE) {
      if (load<u32>(other, ACTIVITY + SLOT) == slot) return true;
    }
    return false;
  }

  private advanceLapses(): void {
    const own = this.entry + ACTIVITY;
    const newest = load<u64>(own, LAPSE);
    if (this.lapse <= newest) return;
    store<u32>(promised(own, this.lapse), 0);
    if (this.lapse - newest > 1) store<u32>(promised(own, this.lapse - 1), 0);
    store<u64>(own, this.lapse, LAPSE);
  }

  commit(): void {
    memory.copy(this.activity, this.entry + ACTIVITY, ACTIVITY_SIZE);
    this.busy.set(this.caller, load<u32>(this.activity) > 0);
  }

  activeRequests(): u64 {
    return this.otherAttempts + load<u32>(this.entry, ACTIVITY);
  }

  activeRetries(): u64 {
    return this.otherRetries + load<u32>(this.entry, ACTIVITY + RETRIES);
  }

  remaining(): u64 {
    return this.left(this.activeRequests(), this.activeRetries() + this.promises());
  }

  private promises(): u64 {
    return this.otherPromises + promisedIn(this.entry + ACTIVITY, this.lapse);
  }

  private left(requests: u64, retries: u64): u64 {
    const allowed = max(this.least, (requests * this.share) / BUCKETS);
    return allowed > retries ? allowed - retries : 0;
  }

  first(wanted: u32): u32 {
    const own = this.entry + ACTIVITY;
    store<u32>(own, load<u32>(own) + 1);
    const granted = <u32>min<u64>(wanted, this.remaining());
    store<u32>(own, load<u32>(own, RETRIES) + granted, RETRIES);
    return granted;
  }

  retry(lapse: u64): bool {
    if (!this.redeem(lapse) && this.remaining() == 0) return false;
    const own = this.entry + ACTIVITY;
    store<u32>(own, load<u32>(own) + 1);
    store<u32>(own, load<u32>(own, RETRIES) + 1, RETRIES);
    return true;
  }

  redeem(lapse: u64): bool {
    if (lapse > this.lapse || this.lapse - lapse > 1) return false;
    const place = promised(this.entry + ACTIVITY, lapse);
    if (load<u32>(place) == 0) return false;
    store<u32>(place, load<u32>(place) - 1);
    return true;
  }

  /** The attempt does not count any more, because it will have ended when its retry begins. */
  promise(isRetry: bool): bool {
    const requests = max<u64>(1, this.activeRequests()) - 1;
    const retries = this.activeRetries() + this.promises();
    if (this.left(requests, retries - min<u64>(retries, isRetry ? 1 : 0)) == 0) return false;
    const place = promised(this.entry + ACTIVITY, this.lapse);
    store<u32>(place, load<u32>(place) + 1);
    return true;
  }

  settle(step: u64, unused: u32): void {
    const own = this.entry + ACTIVITY;
    store<u32>(own, load<u32>(own, RETRIES) - min(unused, load<u32>(own, RETRIES)), RETRIES);
  }

  end(retries: u32): void {
    const own = this.entry + ACTIVITY;
    store<u32>(own, load<u32>(own) - min<u32>(1, load<u32>(own)));
    this.settle(0, retries);
  }
}

/** Where a VM's activity keeps the number of retries that are promised in that lapse. */
function promised(activity: usize, lapse: u64): usize {
  return activity + PROMISED + <usize>(lapse & 1) * 4;
}

/** Retries that a VM has promised and whose promises have not expired in the lapse `now`. */
function promisedIn(activity: usize, now: u64): u64 {
  const newest = load<u64>(activity, LAPSE);
  if (now > newest + 1) return 0;
  const last: u64 = load<u32>(promised(activity, newest));
  return now > newest ? last : last + load<u32>(promised(activity, newest + 1));
}
