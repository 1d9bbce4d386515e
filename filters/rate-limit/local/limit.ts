// A limit for each key, kept in shared data, so that all workers see it.

import { Bytes, monotonicNanoseconds, Status } from "../../../assembly";
import { SharedTable } from "../../../assembly/rules";
import { NEVER } from "../decision";
import { mend, Place } from "./bucket";
import { Gcra, secondsOf, ticksAt } from "./gcra";
import { tableOf } from "./table";

/**
 * With four workers on one key the second attempt mostly succeeds. This many fail only if something
 * is wrong.
 */
const ATTEMPTS: i32 = 1000;

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

  /** @param names limits with the same names share their keys */
  constructor(policy: LocalPolicy, names: StaticArray<Bytes>) {
    this.gcra = policy.gcra;
    this.table = tableOf(names, policy.keys);
  }

  /** Whether a request of that cost would pass; takes nothing. One host call. */
  look(hash: u64, cost: u32, now: u64): Verdict {
    this.cost = cost;
    this.read(hash, now);
    return this.gcra.passes(this.place.moment, this.now, cost) ? Verdict.Passed : Verdict.Over;
  }

  /**
   * Takes the request's cost, if the request passes. Two host calls, and three more each time that
   * another worker comes between.
   */
  take(hash: u64, cost: u32, now: u64): Verdict {
    const place = this.place;
    for (let i = 0; i < ATTEMPTS; i++) {
      const time = i == 0 ? now : ticksAt(monotonicNanoseconds());
      if (this.look(hash, cost, time) == Verdict.Over) {
        // Without this write, a bucket full of impossible moments would stay full of them.
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

  /** Whether `take` has evicted another key whose limit was not full. */
  get evicted(): bool {
    return this.place.evicts;
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

  /**
   * Finds the key. A moment may be later than any that was possible when `now` was read, because
   * another worker has set it since. Only a clock that is read after the bucket can tell whether it
   * is possible at all.
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

/** The tag is never 0, which marks an empty entry. */
function tagOf(hash: u64): u64 {
  return hash == 0 ? 1 : hash;
}
