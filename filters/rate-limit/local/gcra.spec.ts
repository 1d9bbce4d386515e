import { Gcra, maxBurst, secondsOf, ticksAt } from "./gcra";

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const SECOND_TICKS: u64 = 16 * SECOND;
/** How long the machine has run: any time will do. */
const START: u64 = 3_600_000_000_000;

/**
 * The times, in nanoseconds, at which one key is let pass when it asks every `step` for `duration`.
 */
function admitted(gcra: Gcra, step: u64, duration: u64): Array<u64> {
  const times: u64[] = [];
  let full: u64 = 0;
  for (let at: u64 = 0; at < duration; at += step) {
    const now = ticksAt(START + at);
    full = max(full, now);
    if (!gcra.passes(full, now, 1)) continue;
    full += gcra.ticksOf(1);
    times.push(at);
  }
  return times;
}

/** Whether more than burst + limit × time passed in any window. */
function oversteps(gcra: Gcra, times: Array<u64>): bool {
  for (let i = 0; i < times.length; i++) {
    for (let k = i; k < times.length; k++) {
      const seconds = <f64>(times[k] - times[i]) / <f64>SECOND;
      const most = <f64>gcra.burst + (<f64>gcra.limit * seconds) / <f64>gcra.unitSeconds;
      if (<f64>(k - i + 1) > most + 1e-9) return true;
    }
  }
  return false;
}

describe("Gcra", () => {
  it("lets the burst pass and then the limit, and in no window more", () => {
    const limits: StaticArray<u32> = [1, 3, 7, 50, 97];
    const bursts: StaticArray<u32> = [1, 3, 20, 50, 10];
    for (let i = 0; i < limits.length; i++) {
      const gcra = new Gcra(limits[i], 1, bursts[i]);
      const times = admitted(gcra, MILLISECOND / 2, 6 * SECOND);
      const most = <f64>limits[i] * 6 + <f64>bursts[i];
      expect(<f64>times.length).toBeLessThanOrEqual(most);
      // After the burst, half a millisecond may be lost each time, because a request has to wait
      // for the next step.
      expect(<f64>times.length).toBeGreaterThan(most * 0.97 - 1);
      expect(oversteps(gcra, times)).toBe(false);
    }
  });

  it("lets no more than the burst pass after a pause of any length", () => {
    const gcra = new Gcra(10, 1, 5);
    const now = ticksAt(START + 1_000_000 * SECOND);
    let full = now;
    let count = 0;
    while (gcra.passes(full, now, 1)) {
      full += gcra.ticksOf(1);
      count++;
    }
    expect(count).toBe(5);
  });

  it("is right at both ends: 1,000,000,000 in a second, 1 in a day", () => {
    expect(new Gcra(1_000_000_000, 1, 1).ticksOf(1)).toBe(16);
    expect(new Gcra(1, 86_400, 1).ticksOf(1)).toBe(86_400 * SECOND_TICKS);
    expect(new Gcra(1, 86_400, 3650).tolerance).toBe(3650 * 86_400 * SECOND_TICKS);
    expect(maxBurst(1, 86_400)).toBe(3650);
    expect(maxBurst(2, 3600)).toBe(175_200);
  });

  it("rounds up to whole ticks, by less than 0.01 % for up to a million in a second", () => {
    const limits: StaticArray<u32> = [3, 7, 999, 30_000, 999_983];
    for (let i = 0; i < limits.length; i++) {
      const gcra = new Gcra(limits[i], 1, limits[i]);
      const exact = <f64>SECOND_TICKS / <f64>limits[i];
      expect(<f64>gcra.ticksOf(1)).toBeGreaterThanOrEqual(exact);
      expect(<f64>gcra.ticksOf(1) / exact).toBeLessThan(1.0001);
      // The whole burst passes at once, even when the time of one request is not a whole number.
      expect(gcra.passes(START, START, limits[i])).toBe(true);
      expect(gcra.passes(START + gcra.ticksOf(limits[i] - 1), START, 1)).toBe(true);
      expect(gcra.passes(START + gcra.ticksOf(limits[i]), START, 1)).toBe(false);
    }
  });

  it("takes a cost at once, and never one above the burst", () => {
    const gcra = new Gcra(10, 1, 10);
    const now = ticksAt(START);
    expect(gcra.passes(now, now, 10)).toBe(true);
    expect(gcra.passes(now, now, 11)).toBe(false);
    expect(gcra.passes(now, now, u32.MAX_VALUE)).toBe(false);
    expect(gcra.passes(now + gcra.ticksOf(3), now, 7)).toBe(true);
    expect(gcra.passes(now + gcra.ticksOf(3), now, 8)).toBe(false);
    expect(gcra.passes(now + gcra.tolerance, now, 0)).toBe(true);
  });

  it("says what remains and how long to wait", () => {
    const gcra = new Gcra(6, 60, 4);
    const now = ticksAt(START);
    expect(gcra.remaining(now, now)).toBe(4);
    expect(gcra.remaining(now + gcra.ticksOf(1), now)).toBe(3);
    expect(gcra.remaining(now + gcra.ticksOf(3) + 1, now)).toBe(0);
    expect(gcra.remaining(now + gcra.tolerance, now)).toBe(0);
    expect(gcra.remaining(now + gcra.tolerance + 1, now)).toBe(0);
    expect(secondsOf(gcra.wait(now, now, 4))).toBe(0);
    expect(secondsOf(gcra.wait(now + gcra.tolerance, now, 1))).toBe(10);
    expect(secondsOf(gcra.wait(now + gcra.tolerance, now, 3))).toBe(30);
    expect(gcra.more(now, now)).toBe(0);
    expect(secondsOf(gcra.more(now + 1, now))).toBe(1);
    expect(secondsOf(gcra.more(now + gcra.ticksOf(1), now))).toBe(10);
    expect(secondsOf(gcra.more(now + gcra.ticksOf(3) + 1, now))).toBe(1);
    expect(secondsOf(gcra.more(now + gcra.tolerance, now))).toBe(10);
    expect(secondsOf(gcra.more(now + gcra.tolerance + gcra.ticksOf(2), now))).toBe(30);
  });

  it("reports for odd limits what it would decide", () => {
    const gcra = new Gcra(999_999_937, 86_400, 999_999_937);
    const now = ticksAt(START);
    for (let used: u32 = 0; used < 999_999_937; used += 71_428_567) {
      const full = now + gcra.ticksOf(used);
      const remaining = gcra.remaining(full, now);
      expect(gcra.passes(full, now, remaining)).toBe(true);
      expect(gcra.passes(full, now, remaining + 1)).toBe(false);
    }
  });

  it("lets nothing more pass while the clock does not advance", () => {
    const gcra = new Gcra(1000, 1, 2);
    expect(admitted(gcra, 1, 1000).length).toBe(2);
  });
});
