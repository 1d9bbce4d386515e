import { BusyCallers, NO_CALLER } from "./busy-callers";

const MOST: i32 = 65_536;

/** All callers, in their order. */
function walk(callers: BusyCallers): Array<i32> {
  const found: Array<i32> = [];
  for (let caller = callers.next(0); caller != NO_CALLER; caller = callers.next(caller + 1))
    found.push(caller);
  return found;
}

describe("busy callers", () => {
  it("are none at first, and are found in their order", () => {
    const callers = new BusyCallers(MOST);
    expect(walk(callers)).toStrictEqual([]);
    const busy = [0, 1, 63, 64, 127, 128, 4_711, 65_535, MOST];
    for (let i = busy.length - 1; i >= 0; i--) callers.set(busy[i], true);
    expect(walk(callers)).toStrictEqual(busy);
  });

  it("are found from any number onwards", () => {
    const callers = new BusyCallers(MOST);
    callers.set(64, true);
    callers.set(MOST, true);
    expect(callers.next(63)).toBe(64);
    expect(callers.next(64)).toBe(64);
    expect(callers.next(65)).toBe(MOST);
    expect(callers.next(MOST)).toBe(MOST);
    expect(callers.next(MOST + 1)).toBe(NO_CALLER);
  });

  it("are gone when they have nothing in progress, and others stay", () => {
    const callers = new BusyCallers(70);
    callers.set(5, true);
    callers.set(6, true);
    callers.set(6, true);
    callers.set(6, false);
    callers.set(7, false);
    expect(walk(callers)).toStrictEqual([5]);
  });

  it("are one when there is only one number", () => {
    const callers = new BusyCallers(0);
    callers.set(0, true);
    expect(callers.next(0)).toBe(0);
    expect(callers.next(1)).toBe(NO_CALLER);
  });
});
