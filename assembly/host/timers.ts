// Timers: any number of them on the one tick that the host gives a root context. The host ticks
// only while a timer waits.

import { proxy_set_tick_period_milliseconds } from "@solo-io/proxy-runtime/assembly/imports";
import { Task, Timer, TimerQueue } from "../timer-queue";
import { NANOSECONDS_PER_MILLISECOND } from "./clock";
import { monotonicNanoseconds } from "./monotonic-clock";
import { effectiveContext, setEffectiveContext } from "./stream-control";

export { Task, Timer } from "../timer-queue";

const NEVER: u64 = u64.MAX_VALUE;

/** A task that repeats. */
export abstract class Ticker extends Task {
  private timer: Timer | null = null;

  /** @param period milliseconds, at least 1 */
  constructor(
    private readonly timers: Timers,
    private readonly period: u32,
  ) {
    super();
    this.timer = timers.after(period, this);
  }

  protected abstract tick(): void;

  override run(): void {
    this.timer = this.timers.after(this.period, this);
    this.tick();
  }

  end(): void {
    const timer = this.timer;
    if (timer) timer.cancel();
  }
}

/** The timers of one root context. */
@final
export class Timers {
  private readonly queue: TimerQueue = new TimerQueue();
  /** The period that the host has now, in milliseconds; 0 if it does not tick. */
  private period: u32 = 0;
  /**
   * When the host will tick next. It may tick before any timer is due, if the first one was
   * cancelled.
   */
  private nextTick: u64 = NEVER;
  private running: bool = false;

  constructor(private readonly rootId: u32) {}

  /**
   * Runs `task` after `ms` milliseconds, at least 1. Costs one host call, and three more if this
   * timer becomes the first one.
   */
  after(ms: u32, task: Task): Timer {
    const now = monotonicNanoseconds();
    const timer = this.queue.add(now + <u64>max(1, ms) * NANOSECONDS_PER_MILLISECOND, task);
    if (timer.due < this.nextTick && !this.running) this.schedule(now);
    return timer;
  }

  /** The host ticked: runs the tasks that are due. Timers that these set run at a later tick. */
  run(): void {
    const now = monotonicNanoseconds();
    this.running = true;
    for (let timer = this.queue.takeDue(now); timer != null; timer = this.queue.takeDue(now)) {
      // A task before this one may have changed to a stream.
      setEffectiveContext(this.rootId);
      timer.run();
    }
    this.running = false;
    this.schedule(monotonicNanoseconds());
  }

  /** Makes the host tick when the first timer is due, or not at all. */
  private schedule(now: u64): void {
    const period = this.untilFirst(now);
    this.nextTick = period == 0 ? NEVER : now + <u64>period * NANOSECONDS_PER_MILLISECOND;
    if (period == this.period) return;
    this.period = period;
    const before = effectiveContext();
    setEffectiveContext(this.rootId);
    proxy_set_tick_period_milliseconds(period);
    setEffectiveContext(before);
  }

  /** Milliseconds, rounded up and at least 1; 0 if nothing waits. */
  private untilFirst(now: u64): u32 {
    const due = this.queue.firstDue;
    if (due == NEVER) return 0;
    if (due <= now) return 1;
    return <u32>(
      min<u64>((due - now + NANOSECONDS_PER_MILLISECOND - 1) / NANOSECONDS_PER_MILLISECOND, u32.MAX_VALUE)
    );
  }
}
