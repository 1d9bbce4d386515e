// A limit for each key, kept where all workers see it.

import { Bytes, monotonicNanoseconds, Status } from "../../../assembly";
import { NEVER } from "../decision";
import { mend, Place } from "./bucket";
import { Gcra, secondsOf, ticksAt } from "./gcra";
import { Table } from "./table";

/**
 * With four workers on one key the second try mostly succeeds; so many fail only where something is
 * wrong.
 */
const ATTEMPTS: i32 = 1000;

/** What a limit says to a request. */
export enum Verdict {
  Passed,
  Over,
  /** Other workers came between every attempt: nothing was taken, and the request does not pass. */
  Contended,
}

/** A limit as the configuration has it. */
@final
export class LocalPolicy {
  constructor(
    readonly gcra: Gcra,
    /** Keys that may be active at once. */
    readonly keys: u32,
  ) {}
}

/**
 * A limit and its keys. What it says of a request, `remaining` and the others explain until the
 * next.
 */
@final
export class LocalLimit {
  readonly gcra: Gcra;
  private readonly table: Table;
  private readonly place: Place = new Place();
  private now: u64 = 0;
  /** The open bucket had moments that cannot be. */
  private mended: bool = false;
  private cost: u32 = 0;

  /** @param names limits of the same names have their keys in common */
  constructor(policy: LocalPolicy, names: StaticArray<Bytes>) {
    this.gcra = policy.gcra;
    this.table = new Table(names, policy.keys);
  }

  /** Whether a request of that cost would pass; nothing is taken. One host call. */
  look(hash: u64, cost: u32, now: u64): Verdict {
    this.cost = cost;
    this.read(hash, now);
    return this.gcra.passes(this.place.moment, this.now, cost) ? Verdict.Passed : Verdict.Over;
  }

  /**
   * Takes what the request costs, if it passes. Two host calls, and three more for each time that
   * another worker comes between.
   */
  take(hash: u64, cost: u32, now: u64): Verdict {
    const place = this.place;
    for (let i = 0; i < ATTEMPTS; i++) {
      const time = i == 0 ? now : ticksAt(monotonicNanoseconds());
      if (this.look(hash, cost, time) == Verdict.Over) {
        // Without this a bucket full of moments that cannot be would stay so.
        if (this.mended) this.table.close();
        return Verdict.Over;
      }
      if (cost == 0) return Verdict.Passed;
      place.put(tagOf(hash), place.moment + this.gcra.ticksOf(cost));
      const status = this.table.close();
      if (status == Status.Ok) return Verdict.Passed;
      if (status != Status.CasMismatch) break;
    }
    return Verdict.Contended;
  }

  /** Whether `take` has made another key go whose limit was not full. */
  get evicted(): bool {
    return this.place.evicts;
  }

  /** How many requests of cost 1 would still pass. */
  get remaining(): u32 {
    return this.gcra.remaining(this.place.moment, this.now);
  }

  /** Seconds until more would pass than `remaining`, rounded up; 0 where the limit is full. */
  get moreSeconds(): u32 {
    return secondsOf(this.gcra.more(this.place.moment, this.now));
  }

  /** Seconds until the limit is full again, rounded up. */
  get fullSeconds(): u32 {
    return secondsOf(this.place.moment - this.now);
  }

  /**
   * Seconds until the same request would pass, rounded up and 1 at least; `NEVER` where it costs
   * more than the burst.
   */
  get waitSeconds(): u32 {
    if (this.cost > this.gcra.burst) return NEVER;
    return max<u32>(1, secondsOf(this.gcra.wait(this.place.moment, this.now, this.cost)));
  }

  /**
   * Finds the key. A moment may be later than any that could be set when `now` was read, because
   * another worker set it since: whether it can be at all, only a clock that is read after the
   * bucket says.
   */
  private read(hash: u64, now: u64): void {
    const place = this.place;
    const table = this.table;
    const tolerance = this.gcra.tolerance;
    const tag = tagOf(hash);
    this.now = now;
    this.mended = false;
    table.open(hash);
    place.find(table.bucket, tag, now, now + tolerance);
    if (!place.beyond) return;
    this.now = ticksAt(monotonicNanoseconds());
    this.mended = mend(table.bucket, this.now + tolerance);
    place.find(table.bucket, tag, this.now, this.now + tolerance);
  }
}

/** An empty entry has the tag 0. */
function tagOf(hash: u64): u64 {
  return hash == 0 ? 1 : hash;
}
