// A clock that stands still until a test moves it.

import { checkMilliseconds } from "./check.js";

/** Something that will happen. */
export interface Alarm {
  cancel(): void;
}

interface Entry {
  readonly due: number;
  /** Orders entries with the same time by when they were set. */
  readonly number: number;
  readonly ring: () => void;
}

/** 2026-01-01 00:00 UTC, in nanoseconds. Every clock starts there. */
const START = 1_767_225_600_000_000_000n;

const START_MS = Number(START / 1_000_000n);

/** How long the machine has been running when a clock starts: an hour, in nanoseconds. */
const UPTIME = 3_600_000_000_000n;

export class Clock {
  private elapsed = 0;
  private nextNumber = 0;
  /** The next entry is at the end. */
  private readonly entries: Entry[] = [];

  /** Nanoseconds since 1970. */
  get nanoseconds(): bigint {
    return START + BigInt(Math.round(this.elapsed * 1e6));
  }

  /** Milliseconds since 1970. */
  get milliseconds(): number {
    return START_MS + this.elapsed;
  }

  /** Milliseconds since the clock was made. */
  get elapsedMs(): number {
    return this.elapsed;
  }

  /**
   * Nanoseconds since the machine started. Never 0, which Go's runtime takes for a broken clock.
   */
  get monotonic(): bigint {
    return this.nanoseconds - START + UPTIME;
  }

  /** Calls `ring` after this many milliseconds. */
  after(ms: number, ring: () => void): Alarm {
    const entry: Entry = { due: this.elapsed + ms, number: this.nextNumber++, ring };
    this.entries.splice(this.placeOf(entry), 0, entry);
    return {
      cancel: () => {
        const at = this.placeOf(entry);
        if (this.entries[at] === entry) this.entries.splice(at, 1);
      },
    };
  }

  /**
   * Lets this many milliseconds pass. Everything that is due in them happens, in order of time.
   * @throws MeshwrightError `configuration` for a time that cannot pass
   */
  advance(ms: number): void {
    checkMilliseconds("the time to advance", ms);
    const until = this.elapsed + ms;
    for (;;) {
      const next = this.entries.at(-1);
      if (next === undefined || next.due > until) break;
      this.entries.pop();
      this.elapsed = next.due;
      next.ring();
    }
    this.elapsed = until;
  }

  /** The index of the entry, or the index at which it belongs. */
  private placeOf({ due, number }: Entry): number {
    let [low, high] = [0, this.entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.entries[middle] as Entry;
      if (other.due > due || (other.due === due && other.number > number)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
