// A process that takes a lock and gives it back when its parent says so, for `lock.test.ts`.

import { closeSync, openSync, rmSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Lock, tryLock } from "./lock.js";

/** The parent's requests. */
export type Request =
  /** The answer says whether the lock was taken. */
  | { readonly kind: "take"; readonly file: string }
  | { readonly kind: "release" }
  /**
   * Takes the lock and gives it back this many times. The answer says how often another process had
   * it at the same time.
   */
  | { readonly kind: "hammer"; readonly file: string; readonly times: number };

let held: Lock | undefined;

process.on("message", async (request: Request) => {
  if (request.kind === "take") {
    held = await tryLock(request.file);
    return process.send?.(held !== undefined);
  }
  if (request.kind === "release") {
    held?.[Symbol.dispose]();
    return process.send?.(true);
  }
  process.send?.(await hammer(request.file, request.times));
});

/**
 * Whoever has the lock makes a second file. It exists already only if two processes have the lock.
 */
async function hammer(file: string, times: number): Promise<number> {
  const witness = `${file}.witness`;
  let doubles = 0;
  for (let taken = 0; taken < times; ) {
    using lock = await tryLock(file);
    if (lock !== undefined) {
      taken++;
      try {
        closeSync(openSync(witness, "wx"));
        await nextTurn();
        rmSync(witness);
      } catch {
        doubles++;
      }
    }
    await nextTurn();
  }
  return doubles;
}
