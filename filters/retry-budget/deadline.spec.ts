import { NO_TIMEOUT } from "../../assembly/text/timeout";
import { Deadline } from "./deadline";

const MS: u64 = 1_000_000;

describe("a deadline", () => {
  it("is what the router gives, counted from now", () => {
    const deadline = new Deadline();
    expect(deadline.isOver(u64.MAX_VALUE - 1)).toBe(false);
    deadline.set(1_000 * MS, 300 * MS, NO_TIMEOUT);
    expect(deadline.isOver(1_299 * MS)).toBe(false);
    expect(deadline.isOver(1_300 * MS)).toBe(true);
    deadline.set(u64.MAX_VALUE - MS, 300 * MS, NO_TIMEOUT);
    expect(deadline.isOver(u64.MAX_VALUE - 1)).toBe(false);
    deadline.clear();
    expect(deadline.isOver(1_300 * MS)).toBe(false);
  });

  it("is over when the router says that nothing is left", () => {
    const deadline = new Deadline();
    deadline.set(MS, MS, NO_TIMEOUT);
    expect(deadline.isOver(MS)).toBe(true);
  });
});
