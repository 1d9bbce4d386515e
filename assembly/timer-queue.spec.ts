import { Task, Timer, TimerQueue } from "./timer-queue";

const ran: i32[] = [];

class Note extends Task {
  constructor(private readonly value: i32) {
    super();
  }

  run(): void {
    ran.push(this.value);
  }
}

/** Runs what is due and returns how many those were. */
function runDue(queue: TimerQueue, time: u64): i32 {
  let count = 0;
  for (let timer = queue.takeDue(time); timer != null; timer = queue.takeDue(time)) {
    timer.run();
    count++;
  }
  return count;
}

/** Whether `ran` holds `count` values, none smaller than the one before it. */
function ranInOrder(count: i32): bool {
  if (ran.length != count) return false;
  for (let i = 1; i < ran.length; i++) {
    if (ran[i] < ran[i - 1]) return false;
  }
  return true;
}

let seed: u32 = 0;

function draw(bound: u32): u32 {
  seed = seed * 1664525 + 1013904223;
  return (seed >> 8) % bound;
}

describe("the queue of timers", () => {
  beforeEach(() => {
    ran.length = 0;
    seed = 42;
  });

  it("has nothing due while it is empty, at the end of time too", () => {
    const queue = new TimerQueue();
    expect(queue.takeDue(u64.MAX_VALUE)).toBeNull();
    expect(queue.firstDue).toBe(u64.MAX_VALUE);
  });

  it("runs what is due, no more, and in the order of the times", () => {
    const queue = new TimerQueue();
    queue.add(30, new Note(30));
    queue.add(10, new Note(10));
    queue.add(20, new Note(20));
    expect(runDue(queue, 9)).toBe(0);
    expect(runDue(queue, 20)).toBe(2);
    expect(ranInOrder(2)).toBe(true);
    expect(queue.firstDue).toBe(30);
  });

  it("runs those of one time in the order in which they were set", () => {
    const queue = new TimerQueue();
    for (let i = 0; i < 1_000; i++) queue.add(5, new Note(i));
    runDue(queue, 5);
    expect(ranInOrder(1_000)).toBe(true);
  });

  it("keeps order among twenty thousand", () => {
    const queue = new TimerQueue();
    for (let i = 0; i < 20_000; i++) {
      const due = draw(1_000_000);
      queue.add(due, new Note(due));
    }
    expect(runDue(queue, 1_000_000)).toBe(20_000);
    expect(ranInOrder(20_000)).toBe(true);
  });

  it("forgets what is cancelled, wherever it stands, and keeps the order of the others", () => {
    const queue = new TimerQueue();
    const timers: Timer[] = [];
    for (let i = 0; i < 20_000; i++) {
      const due = draw(1_000_000);
      timers.push(queue.add(due, new Note(due)));
    }
    for (let i = 0; i < 20_000; i++) {
      if (i % 4 != 0) timers[i].cancel();
    }
    expect(queue.size).toBe(5_000);
    expect(runDue(queue, 1_000_000)).toBe(5_000);
    expect(ranInOrder(5_000)).toBe(true);
  });

  it("stands a cancel after the run, and a second one", () => {
    const queue = new TimerQueue();
    const first = queue.add(1, new Note(1));
    const second = queue.add(2, new Note(2));
    runDue(queue, 1);
    first.cancel();
    first.cancel();
    expect(queue.size).toBe(1);
    second.cancel();
    second.cancel();
    expect(queue.size).toBe(0);
    expect(runDue(queue, u64.MAX_VALUE)).toBe(0);
    expect(ran.length).toBe(1);
  });

  it("takes one that is due at the end of time", () => {
    const queue = new TimerQueue();
    queue.add(u64.MAX_VALUE, new Note(1));
    expect(runDue(queue, u64.MAX_VALUE - 1)).toBe(0);
    expect(runDue(queue, u64.MAX_VALUE)).toBe(1);
  });
});
