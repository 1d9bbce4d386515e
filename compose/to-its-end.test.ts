import { expect, it } from "vitest";
import { toItsEnd } from "./to-its-end.js";

const REASON = new Error("stop");

it("waits for work that clears up after itself, and then rejects with the abort whatever the outcome", async () => {
  let cleared = false;
  const work = async (fails: boolean) => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    cleared = true;
    if (fails) throw new Error("killed");
  };
  await expect(toItsEnd(work(false), AbortSignal.abort(REASON))).rejects.toBe(REASON);
  expect(cleared).toBe(true);
  await expect(toItsEnd(work(true), AbortSignal.abort(REASON))).rejects.toBe(REASON);
  await expect(toItsEnd(work(true), new AbortController().signal)).rejects.toThrow("killed");
});
