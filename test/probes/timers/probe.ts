// What the probe does for each command.

import {
  Bytes,
  FilterHeadersStatus,
  HttpContext,
  RootContext,
  requestHeaders,
  responseHeaders,
  Task,
  Timer,
} from "../../../assembly";
import { monotonicNanoseconds } from "../../../assembly/host/monotonic-clock";

const SAW = Bytes.of("x-saw");
const MANY: i32 = 20_000;
const SPREAD_MS: u32 = 40;

let ticks: u32 = 0;
/** The status of resuming a stream that was gone. */
let goneStatus: i32 = -1;

export function countTick(): void {
  ticks++;
}

class Probe extends HttpContext {
  saw: string = "";

  constructor(readonly root: TimersRoot) {
    super();
  }

  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const command = text("x-do");
    const ms = <u32>parseInt(text("x-ms"), 10);
    if (command == "ticks") this.saw = ticks.toString();
    if (command == "gone-status") this.saw = goneStatus.toString();
    if (command == "pages") this.saw = memory.size().toString();
    if (command == "stop-period") this.root.setTickPeriod(0);
    if (!this.start(command, ms)) return FilterHeadersStatus.Continue;
    return FilterHeadersStatus.StopIteration;
  }

  onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    responseHeaders.add(SAW, Bytes.of(this.saw));
    return FilterHeadersStatus.Continue;
  }

  goOn(saw: string): void {
    this.saw = saw;
    this.resumeRequest();
  }

  private start(command: string, ms: u32): bool {
    const root = this.root;
    if (command == "delay") root.after(ms, new Resume(this, ms));
    else if (command == "leave") root.after(ms, new ResumeGone(this));
    else if (command == "chain") root.after(ms, new Chain(this, 20));
    else if (command == "many") new Many(this).start();
    else if (command == "cancel") cancelTwo(this);
    else if (command == "period") root.period(this, ms);
    else return false;
    return true;
  }
}

function text(name: string): string {
  const value = requestHeaders.get(Bytes.of(name));
  return value ? value.toString() : "";
}

/** Reports how many microseconds late it ran. */
class Resume extends Task {
  private readonly start: u64 = monotonicNanoseconds();

  constructor(
    private readonly stream: Probe,
    private readonly ms: u32,
  ) {
    super();
  }

  run(): void {
    const late = <i64>(monotonicNanoseconds() - this.start) / 1_000 - <i64>this.ms * 1_000;
    this.stream.goOn(late.toString());
  }
}

/** Resumes a stream, and remembers the status. */
class ResumeGone extends Task {
  constructor(private readonly stream: Probe) {
    super();
  }

  run(): void {
    goneStatus = this.stream.resumeRequest();
  }
}

/** Sets itself again from within. */
class Chain extends Task {
  constructor(
    private readonly stream: Probe,
    private left: i32,
  ) {
    super();
  }

  run(): void {
    if (--this.left == 0) this.stream.goOn("end of the chain");
    else this.stream.root.after(1, this);
  }
}

/** Twenty thousand timers. Every second one is cancelled. */
class Many {
  private readonly timers: Timer[] = [];
  private ran: i32 = 0;
  private wrong: i32 = 0;
  private last: u64 = 0;

  constructor(private readonly stream: Probe) {}

  start(): void {
    for (let i = 0; i < MANY; i++) {
      const ms = 1 + ((<u32>i * 7919) % SPREAD_MS);
      this.timers.push(this.stream.root.after(ms, new OneOfMany(this, i)));
    }
    for (let i = 0; i < MANY; i += 2) this.timers[i].cancel();
  }

  /** Timers that are due earlier must run earlier, and cancelled ones must not run. */
  note(number: i32): void {
    const due = this.timers[number].due;
    if (due < this.last || (number & 1) == 0) this.wrong++;
    this.last = due;
    if (++this.ran == MANY / 2) this.stream.goOn(`ran ${this.ran} wrong ${this.wrong}`);
  }
}

class OneOfMany extends Task {
  constructor(
    private readonly many: Many,
    private readonly number: i32,
  ) {
    super();
  }

  run(): void {
    this.many.note(this.number);
  }
}

/** Counts how often it ran. */
class Count extends Task {
  count: i32 = 0;

  run(): void {
    this.count++;
  }
}

/** Reports the count. */
class Say extends Task {
  constructor(
    private readonly stream: Probe,
    private readonly count: Count,
  ) {
    super();
  }

  run(): void {
    this.stream.goOn(`ran ${this.count.count}`);
  }
}

/** Cancels another timer. */
class Cancel extends Task {
  timer: Timer | null = null;

  run(): void {
    const timer = this.timer;
    if (timer) timer.cancel();
  }
}

/**
 * Cancels two timers: the first before it is due, the second in the tick in which both it and the
 * timer that cancels it are due.
 */
function cancelTwo(stream: Probe): void {
  const count = new Count();
  const root = stream.root;
  root.after(5, count).cancel();
  const cancel = new Cancel();
  root.after(10, cancel);
  cancel.timer = root.after(10, count);
  root.after(20, new Say(stream, count));
}

export class TimersRoot extends RootContext {
  private waiting: Probe | null = null;
  private periodsLeft: i32 = 0;

  createHttpContext(): HttpContext {
    return new Probe(this);
  }

  /** Continues the stream after five ticks of this period. The third tick sets it again. */
  period(stream: Probe, ms: u32): void {
    this.waiting = stream;
    this.periodsLeft = 5;
    this.setTickPeriod(ms);
  }

  onTick(): void {
    this.periodsLeft--;
    if (this.periodsLeft == 3) this.setTickPeriod(2);
    const stream = this.waiting;
    if (this.periodsLeft > 0 || !stream) return;
    this.waiting = null;
    this.setTickPeriod(0);
    stream.goOn("five ticks");
  }
}
