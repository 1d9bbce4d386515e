// Timers: any number of them on the one tick that the host gives a root context, which ticks only while something waits.

import {
  proxy_get_current_time_nanoseconds,
  proxy_set_tick_period_milliseconds,
} from "@solo-io/proxy-runtime/assembly/imports";
import { OUT_LONG } from "../abi/memory";
import { RootContext } from "../context";
import { effectiveContext, setEffectiveContext } from "./stream-control";

const NANOSECONDS: u64 = 1_000_000;

/** What a timer runs. */
export abstract class Task {
  abstract run(): void;
}

/** A task that waits. */
@final
export class Timer {
  constructor(
    readonly due: u64,
    /** Tells timers of one time apart, so that they run in the order in which they were set. */
    readonly number: u32,
    private readonly task: Task,
  ) {}

  private cancelled: bool = false;

  /** The task will not run any more. */
  cancel(): void {
    this.cancelled = true;
  }

  isBefore(other: Timer): bool {
    return this.due < other.due || (this.due == other.due && <i32>(this.number - other.number) < 0);
  }

  run(): void {
    if (!this.cancelled) this.task.run();
  }
}

/** Calls a root's `onTick` again and again. */
@final
class Ticker extends Task {
  constructor(
    private readonly timers: Timers,
    readonly root: RootContext,
    readonly period: u32,
  ) {
    super();
  }

  ended: bool = false;

  run(): void {
    if (this.ended) return;
    this.timers.after(this.period, this);
    this.root.onTick();
  }
}

/** The timers of one root context. A heap: setting one and running one cost the logarithm of how many wait. */
@final
export class Timers {
  private readonly heap: Array<Timer> = [];
  private readonly tickers: Array<Ticker> = [];
  private nextNumber: u32 = 0;
  /** The period that the host has now, in milliseconds; 0 for no tick. */
  private period: u32 = 0;

  constructor(private readonly rootId: u32) {}

  after(ms: u32, task: Task): Timer {
    const timer = new Timer(now() + <u64>max(1, ms) * NANOSECONDS, this.nextNumber++, task);
    this.push(timer);
    if (this.heap[0] == timer) this.schedule();
    return timer;
  }

  setPeriod(root: RootContext, ms: u32): void {
    for (let i = 0; i < this.tickers.length; i++) {
      if (this.tickers[i].root != root) continue;
      this.tickers[i].ended = true;
      this.tickers.splice(i, 1);
      break;
    }
    if (ms == 0) return;
    const ticker = new Ticker(this, root, ms);
    this.tickers.push(ticker);
    this.after(ms, ticker);
  }

  /** Runs what is due. Tasks that these set run at a later tick. */
  run(): void {
    const due = now();
    while (this.heap.length > 0 && this.heap[0].due <= due) {
      const timer = this.pop();
      setEffectiveContext(this.rootId);
      timer.run();
    }
    this.schedule();
  }

  /** Lets the host tick when the first timer is due, or not at all. */
  private schedule(): void {
    let period: u32 = 0;
    if (this.heap.length > 0) {
      const due = this.heap[0].due;
      const current = now();
      period =
        due <= current ? 1 : <u32>min<u64>((due - current + NANOSECONDS - 1) / NANOSECONDS, u32.MAX_VALUE);
    }
    if (period == this.period) return;
    const before = effectiveContext();
    setEffectiveContext(this.rootId);
    proxy_set_tick_period_milliseconds(period);
    setEffectiveContext(before);
    this.period = period;
  }

  private push(timer: Timer): void {
    const heap = this.heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!timer.isBefore(heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = timer;
  }

  private pop(): Timer {
    const heap = this.heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length == 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].isBefore(heap[child])) child++;
      if (!heap[child].isBefore(last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

/** Nanoseconds since 1970. */
function now(): u64 {
  store<u64>(OUT_LONG, 0);
  proxy_get_current_time_nanoseconds(OUT_LONG);
  return load<u64>(OUT_LONG);
}
