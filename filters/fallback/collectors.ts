// The memory in which a worker collects answers while their responses pass. It is bounded: while
// all collectors are in use, further answers are not kept.

import { Collector } from "./answer";

/** How many answers a worker collects at once. */
const MOST: i32 = 16;

@final
export class Collectors {
  private made: i32 = 0;
  private free: Collector | null = null;

  /** @param maxBody most bytes of a body */
  constructor(private readonly maxBody: i32) {}

  /** One that is free, or `null` if all are in use. */
  take(): Collector | null {
    const free = this.free;
    if (free) {
      this.free = free.next;
      free.next = null;
      return free;
    }
    if (this.made == MOST) return null;
    this.made++;
    return new Collector(this.maxBody);
  }

  give(collector: Collector): void {
    collector.next = this.free;
    this.free = collector;
  }
}
