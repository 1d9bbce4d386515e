// Finds the timer that is next. It does not use the host: `host/timers.ts` connects it to the
// host's tick.

/** What a timer runs. */
export abstract class Task {
  abstract run(): void;
}

/** A task that waits for its time. */
@final
export class Timer {
  /** For the queue: its place in the queue, or -1. */
  place: i32 = -1;
  private task: Task | null;

  constructor(
    private readonly queue: TimerQueue,
    /** When it is due, on the clock of whoever runs the queue. */
    readonly due: u64,
    /**
     * Orders timers that are due at the same time: they run in the order in which they were set.
     */
    readonly number: u32,
    task: Task,
  ) {
    this.task = task;
  }

  /** The task will not run any more, and is not kept. After the task has run, this does nothing. */
  cancel(): void {
    this.task = null;
    if (this.place >= 0) this.queue.remove(this);
  }

  /** For the queue: whether this timer runs before the other. */
  isBefore(other: Timer): bool {
    return this.due < other.due || (this.due == other.due && <i32>(this.number - other.number) < 0);
  }

  /** Runs the task, once. */
  run(): void {
    const task = this.task;
    if (!task) return;
    this.task = null;
    task.run();
  }
}

/**
 * Timers in the order in which they are due. It is a heap: the cost of setting, cancelling and
 * running a timer grows with the logarithm of their number.
 */
@final
export class TimerQueue {
  private readonly heap: Array<Timer> = [];
  private nextNumber: u32 = 0;

  /** How many wait. */
  get size(): i32 {
    return this.heap.length;
  }

  /** When the first timer is due; `u64.MAX_VALUE` if none waits. */
  get firstDue(): u64 {
    return this.heap.length > 0 ? unchecked(this.heap[0]).due : u64.MAX_VALUE;
  }

  add(due: u64, task: Task): Timer {
    const timer = new Timer(this, due, this.nextNumber++, task);
    const last = this.heap.length;
    this.heap.push(timer);
    this.rise(timer, last);
    return timer;
  }

  /** Takes out the first timer if it is due at `time`. */
  takeDue(time: u64): Timer | null {
    if (this.firstDue > time || this.heap.length == 0) return null;
    const first = unchecked(this.heap[0]);
    this.remove(first);
    return first;
  }

  /** For the timer: removes it, wherever it is. */
  remove(timer: Timer): void {
    const place = timer.place;
    timer.place = -1;
    const last = this.heap.pop();
    if (last == timer) return;
    if (place > 0 && last.isBefore(unchecked(this.heap[(place - 1) >> 1]))) this.rise(last, place);
    else this.sink(last, place);
  }

  private rise(timer: Timer, from: i32): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = unchecked(this.heap[parent]);
      if (!timer.isBefore(other)) break;
      this.put(other, at);
      at = parent;
    }
    this.put(timer, at);
  }

  private sink(timer: Timer, from: i32): void {
    const heap = this.heap;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && unchecked(heap[child + 1]).isBefore(unchecked(heap[child]))) child++;
      if (!unchecked(heap[child]).isBefore(timer)) break;
      this.put(unchecked(heap[child]), at);
      at = child;
    }
    this.put(timer, at);
  }

  private put(timer: Timer, at: i32): void {
    unchecked((this.heap[at] = timer));
    timer.place = at;
  }
}
