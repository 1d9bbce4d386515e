import { Random } from "../../../assembly/text/seeded-random";
import { Chance } from "../circuit-policy";
import { WINDOW_SIZE } from "../window";
import { Throttle } from "./throttle";

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1000 * SECOND;
const books = memory.data(88, 8);

class Seeded extends Chance {
  private readonly random: Random = new Random(31);

  fraction(): f64 {
    return this.random.fraction();
  }
}

const chance = new Seeded();

function fresh(ratio: f64 = 2, window: u64 = 10 * SECOND): Throttle {
  memory.fill(books, 0, WINDOW_SIZE);
  return new Throttle(ratio, window, chance);
}

/** What an upstream got and accepted. */
let sent: i32 = 0;
let accepted: i32 = 0;

/**
 * Lets so many requests a second come, for so many seconds, to an upstream that accepts at most
 * `capacity` in each tenth of a second.
 */
function run(throttle: Throttle, from: u64, seconds: i32, perSecond: i32, capacity: i32): void {
  sent = 0;
  accepted = 0;
  let taken = 0;
  for (let i = 0; i < seconds * perSecond; i++) {
    if (i % (perSecond / 10) == 0) taken = 0;
    const now = START + from * SECOND + (<u64>i * SECOND) / perSecond;
    if (!throttle.admits(books, now)) continue;
    sent++;
    if (taken++ < capacity) accepted++;
    else throttle.fail(books, now);
  }
}

describe("a throttle", () => {
  it("refuses nothing at first, whatever is under way", () => {
    const throttle = fresh();
    let refused = 0;
    for (let i = 0; i < 1000; i++) if (!throttle.admits(books, START)) refused++;
    expect(refused).toBe(0);
    expect(throttle.isExceeded(books)).toBe(false);
  });

  it("refuses nothing while at least one of K is accepted", () => {
    const throttle = fresh();
    run(throttle, 0, 100, 100, 5);
    expect(sent).toBe(10_000);
    expect(accepted).toBe(5000);
  });

  it("lets K times as many through as are accepted", () => {
    const ratios: f64[] = [1.1, 1.5, 2, 4];
    for (let i = 0; i < ratios.length; i++) {
      const throttle = fresh(ratios[i]);
      run(throttle, 0, 60, 400, 4);
      run(throttle, 60, 200, 400, 4);
      const share = <f64>sent / <f64>accepted;
      expect(Math.abs(share - ratios[i]) < ratios[i] * 0.05).toBe(true);
    }
  });

  it("sends at most K a + 1 requests in a window, in the mean", () => {
    // Windows one after another, each with 40 requests of which the first two that go on are
    // accepted.
    let balance: f64 = 0;
    const windows = 4000;
    const throttle = fresh();
    for (let i = 0; i < windows; i++) {
      run(throttle, <u64>i, 1, 40, 1);
      // After the first ten the window is a steady one.
      if (i >= 10) balance += <f64>sent - 2 * <f64>accepted;
    }
    expect(balance / <f64>(windows - 10) <= 0.1 + 0.1).toBe(true);
  });

  it("leaves an upstream that accepts nothing alone, and comes back by itself", () => {
    const throttle = fresh();
    run(throttle, 0, 30, 100, 100);
    expect(sent).toBe(3000);
    run(throttle, 30, 60, 100, 0);
    run(throttle, 90, 60, 100, 0);
    // One in the mean for each window, of 1,000 requests.
    expect(sent > 0 && sent < 25).toBe(true);
    run(throttle, 150, 200, 100, 100);
    run(throttle, 350, 10, 100, 100);
    expect(sent).toBe(1000);
  });

  it("forgets what has left the window", () => {
    const throttle = fresh();
    run(throttle, 0, 20, 100, 0);
    expect(throttle.isExceeded(books)).toBe(true);
    expect(throttle.admits(books, START + 60 * SECOND)).toBe(true);
    expect(throttle.isExceeded(books)).toBe(false);
  });
});
