// The policy `ratio`: retries are at most a share of the requests, over a sliding window. Its books
// are one value of a fixed size, kept in shared data. Here they are read and changed as bytes,
// without the host.
//
//   0  u64 number of the newest step, a tenth of the window
//   8  10 × (u32 requests, u32 retries), step n at n % 10
//  88  u64 number of the newest lapse
//  96  2 × u32 promised retries, lapse n at n % 2
// 104  u64 how many of the counter's requests are in the counts
//
// A counter beside the books may count requests: then each VM opens a step when its first request
// in it comes, so what was counted since the books were written belongs to their newest step.

import { Bytes } from "../../assembly";
import { BUCKETS } from "../../assembly/rules";
import { Books, LAPSE_NS } from "./books";
import { NO_CALLER } from "./busy-callers";

const STEPS: i32 = 10;
const STEP_SIZE: i32 = 8;
const COUNTS: usize = 8;
const LAPSE: usize = COUNTS + STEPS * STEP_SIZE;
const PROMISED: usize = LAPSE + 8;
const COUNTED: usize = PROMISED + 8;
const SIZE: i32 = <i32>COUNTED + 8;

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

@final
export class RatioBooks extends Books {
  private readonly at: usize;
  private readonly owner: Bytes = Bytes.owned(SIZE);
  private readonly stepNs: u64;
  /** Retries that are always allowed within a window. */
  private readonly reserve: u64;

  /**
   * @param share retries in hundredths of a per cent of the requests, 0 to `BUCKETS`
   * @param ttlMs the window, at least 10
   * @param minPerSecond retries that are always allowed, counted over the window: a burst may use
   * those of a whole window at once
   */
  constructor(
    private readonly share: u64,
    ttlMs: u64,
    minPerSecond: u64,
  ) {
    super();
    this.at = this.owner.ptr;
    this.bytes.ptr = this.at;
    this.bytes.size = SIZE;
    this.stepNs = (ttlMs * NANOSECONDS_PER_MILLISECOND) / STEPS;
    this.reserve = (minPerSecond * ttlMs) / 1000;
  }

  /** A caller's books are all in the value under its key, so there is nothing to select. */
  select(caller: i32): void {}
  commit(): void {}

  load(kept: Bytes | null, now: u64): void {
    if (kept && kept.size == SIZE) {
      memory.copy(this.at, kept.ptr, SIZE);
      this.addCounted();
    } else {
      memory.fill(this.at, 0, SIZE);
      store<u64>(this.at, this.counted, COUNTED);
    }
    this.advanceSteps(this.stepAt(now));
    this.advanceLapses(now / LAPSE_NS);
  }

  /** Takes what the counter has counted since. An operator may have set it back to 0. */
  private addCounted(): void {
    const before = load<u64>(this.at, COUNTED);
    if (this.counted > before) {
      const more = <u32>min<u64>(this.counted - before, u32.MAX_VALUE);
      addTo(this.place(load<u64>(this.at)), more);
    }
    store<u64>(this.at, this.counted, COUNTED);
  }

  stepAt(now: u64): u64 {
    return now / this.stepNs;
  }

  /**
   * Empties the steps that have begun since the last change. Another worker may have read the clock
   * a moment later: the books never go back.
   */
  private advanceSteps(step: u64): void {
    const newest = load<u64>(this.at);
    this.step = max(step, newest);
    this.hasOpened = step > newest;
    if (step <= newest) return;
    const begun = min<u64>(step - newest, STEPS);
    for (let i: u64 = 0; i < begun; i++) store<u64>(this.place(step - i), 0);
    store<u64>(this.at, step);
  }

  private advanceLapses(lapse: u64): void {
    const newest = load<u64>(this.at, LAPSE);
    this.lapse = max(lapse, newest);
    if (lapse <= newest) return;
    store<u32>(this.promised(lapse), 0);
    if (lapse - newest > 1) store<u32>(this.promised(lapse - 1), 0);
    store<u64>(this.at, lapse, LAPSE);
  }

  private place(step: u64): usize {
    return this.at + COUNTS + <usize>(step % STEPS) * STEP_SIZE;
  }

  private promised(lapse: u64): usize {
    return this.at + PROMISED + <usize>(lapse & 1) * 4;
  }

  remaining(): u64 {
    let requests: u64 = 0;
    let retries: u64 = <u64>load<u32>(this.at, PROMISED) + load<u32>(this.at, PROMISED + 4);
    for (let i = 0; i < STEPS; i++) {
      requests += load<u32>(this.at + COUNTS + i * STEP_SIZE);
      retries += load<u32>(this.at + COUNTS + i * STEP_SIZE, 4);
    }
    const allowed = (requests * this.share) / BUCKETS + this.reserve;
    return allowed > retries ? allowed - retries : 0;
  }

  first(wanted: u32): u32 {
    addTo(this.place(this.step), 1);
    const granted = <u32>min<u64>(wanted, this.remaining());
    addTo(this.place(this.step) + 4, granted);
    return granted;
  }

  retry(lapse: u64): bool {
    if (!this.redeem(lapse) && this.remaining() == 0) return false;
    addTo(this.place(this.step) + 4, 1);
    return true;
  }

  redeem(lapse: u64): bool {
    if (lapse > this.lapse || this.lapse - lapse > 1) return false;
    const place = this.promised(lapse);
    if (load<u32>(place) == 0) return false;
    store<u32>(place, load<u32>(place) - 1);
    return true;
  }

  promise(isRetry: bool): bool {
    if (this.remaining() == 0) return false;
    addTo(this.promised(this.lapse), 1);
    return true;
  }

  /** A step that has left the window is forgotten. */
  settle(step: u64, unused: u32): void {
    if (step > this.step || this.step - step >= <u64>STEPS) return;
    const place = this.place(step) + 4;
    store<u32>(place, load<u32>(place) - min(unused, load<u32>(place)));
  }

  end(retries: u32): void {}

  nextBusy(from: i32): i32 {
    return NO_CALLER;
  }

  activeRequests(): u64 {
    return 0;
  }

  activeRetries(): u64 {
    return 0;
  }
}

/** Adds to a count, which stays at the largest number that fits. */
function addTo(place: usize, amount: u32): void {
  store<u32>(place, <u32>min<u64>(<u64>load<u32>(place) + amount, u32.MAX_VALUE));
}
