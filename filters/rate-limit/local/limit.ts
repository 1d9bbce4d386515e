// A limit for each key, kept in shared data, so that all workers see it.

import { Bytes, monotonicNanoseconds, Status } from "../../../assembly";
import { SharedTable, tagOf } from "../../../assembly/rules";
import { mend, Place } from "./bucket";
import { Gcra, secondsOf, ticksAt } from "./gcra";
import { Leases } from "./leases";
import { tableOf } from "./table";

/**
 * With four workers on one key the second attempt mostly succeeds. This many fail only if something
 * is wrong.
 */
const ATTEMPTS: i32 = 1000;

/** A time to wait, if no time is long enough. */
export const NEVER: u32 = u32.MAX_VALUE;

/** The limit's answer to a request. */
export enum Verdict {
  Passed,
  Over,
  /**
   * Other workers came between in every attempt: nothing was taken, and the request does not pass.
   */
  Contended,
}

/** A limit from the configuration. */
@final
export class LocalPolicy {
  constructor(
    readonly gcra: Gcra,
    /** Keys that may be active at once. */
    readonly keys: u32,
    /** Most requests of cost 1 that a worker holds of a key; 0 without leases. */
    readonly lease: u32,
  ) {}
}

/** A limit and its keys. `remaining` and the other getters describe its last answer. */
@final
export class LocalLimit {
  readonly gcra: Gcra;
  private readonly table: SharedTable;
  private readonly place: Place = new Place();
  private now: u64 = 0;
  /** Whether the open bucket had impossible moments. */
  private mended: bool = false;
  private cost: u32 = 0;
  private readonly leases: Leases | null;
  /** Whether `take` has evicted another key whose limit was not full. */
  evicted: bool = false;

  /** @param names limits with the same names share their keys */
  constructor(policy: LocalPolicy, names: StaticArray<Bytes>) {
    this.gcra = policy.gcra;
    this.table = tableOf(names, policy.keys);
    this.leases = policy.lease > 0 ? new Leases(policy.gcra, policy.lease) : null;
  }

  /**
   * Whether a request of that cost would pass; takes nothing. One host call, or none if the worker
   * holds a lease of the key.
   */
  look(hash: u64, cost: u32, now: u64): Verdict {
    this.cost = cost;
    if (this.holds(hash, cost, now)) return Verdict.Passed;
    this.table.open(hash);
    return this.judge(hash, now);
  }

  /**
   * As `look`, for a request that `take` follows. It makes no host call where what this worker has
   * written last says that the request passes, because `take` finds out if that is out of date.
   */
  presume(hash: u64, cost: u32, now: u64): Verdict {
    // Nothing is taken then.
    if (cost == 0) return this.look(hash, cost, now);
    this.cost = cost;
    this.table.openToWrite(hash);
    const verdict = this.judge(hash, now);
    return verdict == Verdict.Over && this.table.isKept ? this.look(hash, cost, now) : verdict;
  }

  /**
   * Takes the request's cost, if the request passes. Two host calls, or one if the worker knows
   * what it has written last, and three more each time that another worker comes between; none if
   * the worker holds a lease of the key.
   * @param looked whether `look` or `presume` has just said that this request passes: its bucket is
   * still open, which spares a host call
   */
  take(hash: u64, cost: u32, now: u64, looked: bool): Verdict {
    const leases = this.leases;
    this.evicted = false;
    if (leases && this.holds(hash, cost, now)) {
      leases.spend(this.gcra.ticksOf(cost), now);
      return Verdict.Passed;
    }
    for (let i = 0; i < ATTEMPTS; i++) {
      const isOpen = looked && i == 0;
      const time = i == 0 ? now : ticksAt(monotonicNanoseconds());
      if (!isOpen && this.presume(hash, cost, time) == Verdict.Over) {
        // Without this write, a bucket full of impossible moments would stay full of them.
        if (this.mended) this.table.close();
        return Verdict.Over;
      }
      if (cost == 0) return Verdict.Passed;
      const status = this.move(hash, cost);
      if (status == Status.Ok) return Verdict.Passed;
      if (status != Status.CasMismatch) break;
    }
    return Verdict.Contended;
  }

  /**
   * Takes a cost that is due anyhow, and leaves a debt if it is more than there is. Host calls as
   * in `take`.
   */
  charge(hash: u64, cost: u32, now: u64): void {
    const place = this.place;
    this.evicted = false;
    for (let i = 0; i < ATTEMPTS && cost > 0; i++) {
      this.table.openToWrite(hash);
      this.find(hash, i == 0 ? now : ticksAt(monotonicNanoseconds()));
      const evicts = place.evicts;
      place.put(tagOf(hash), this.gcra.owed(place.moment, this.now, cost));
      const status = this.table.close();
      if (status == Status.Ok) this.evicted = evicts;
      if (status != Status.CasMismatch) return;
    }
  }

  /**
   * Gives back what `take` took for a request that another limit then refused. Does nothing for
   * leases, of which others may hold what comes after. Host calls as in `take`.
   */
  giveBack(hash: u64, cost: u32, now: u64): void {
    const place = this.place;
    const ticks = this.gcra.ticksOf(cost);
    for (let i = 0; i < ATTEMPTS && !this.isLeased; i++) {
      this.table.openToWrite(hash);
      this.find(hash, i == 0 ? now : ticksAt(monotonicNanoseconds()));
      // In the meantime the key may have gone, or a time in which it has refilled.
      if (!place.isKnown || place.moment < this.now + ticks) return;
      place.put(tagOf(hash), place.moment - ticks);
      if (this.table.close() != Status.CasMismatch) return;
    }
  }

  /** Whether workers hold parts of it as leases. */
  get isLeased(): bool {
    return this.leases != null;
  }

  /** How many requests of cost 1 would still pass. */
  get remaining(): u32 {
    return this.gcra.remaining(this.place.moment, this.now);
  }

  /** Seconds until more than `remaining` would pass, rounded up; 0 if the limit is full. */
  get moreSeconds(): u32 {
    return secondsOf(this.gcra.more(this.place.moment, this.now));
  }

  /** Seconds until the limit is full again, rounded up. */
  get fullSeconds(): u32 {
    return secondsOf(this.place.moment - this.now);
  }

  /**
   * Seconds until the same request would pass, rounded up and at least 1; `NEVER` if it costs more
   * than the burst.
   */
  get waitSeconds(): u32 {
    if (this.cost > this.gcra.burst) return NEVER;
    return max<u32>(1, secondsOf(this.gcra.wait(this.place.moment, this.now, this.cost)));
  }

  /** Whether the worker holds so much of the key's limit, as a lease. */
  private holds(hash: u64, cost: u32, now: u64): bool {
    const leases = this.leases;
    if (!leases) return false;
    leases.of(tagOf(hash));
    if (cost > this.gcra.burst || !leases.has(this.gcra.ticksOf(cost), now)) return false;
    this.now = now;
    this.place.moment = leases.end;
    return true;
  }

  /** Moves the key's moment in the open bucket by the cost, and by a lease. One host call. */
  private move(hash: u64, cost: u32): Status {
    const place = this.place;
    const gcra = this.gcra;
    const now = this.now;
    const paid = place.moment + gcra.ticksOf(cost);
    const leases = this.leases;
    const wanted = leases ? leases.next(now, place.moment - now, cost) : 0;
    const leased = wanted > 0 ? min(wanted, gcra.remaining(paid, now)) : 0;
    const moment = paid + gcra.ticksOf(leased);
    const evicts = place.evicts;
    place.put(tagOf(hash), moment);
    const status = this.table.close();
    if (status != Status.Ok) return status;
    if (leases) leases.begin(paid, moment, now);
    this.evicted = evicts;
    return status;
  }

  private judge(hash: u64, now: u64): Verdict {
    this.find(hash, now);
    return this.gcra.passes(this.place.moment, this.now, this.cost) ? Verdict.Passed : Verdict.Over;
  }

  /**
   * Finds the key in the open bucket. A moment may be later than any that was possible when `now`
   * was read, because another worker has set it since. Only a clock that is read after the bucket
   * can tell whether it is possible at all.
   */
  private find(hash: u64, now: u64): void {
    const place = this.place;
    const table = this.table;
    const reach = this.gcra.reach;
    const tag = tagOf(hash);
    this.now = now;
    this.mended = false;
    place.find(table.bucket, tag, now, now + reach);
    if (!place.beyond) return;
    this.now = ticksAt(monotonicNanoseconds());
    this.mended = mend(table.bucket, this.now + reach);
    place.find(table.bucket, tag, this.now, this.now + reach);
  }
}
