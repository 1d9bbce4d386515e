// A process that takes a lock and gives it back as its parent says, for `lock.test.ts`.

import { closeSync, openSync, rmSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Lock, tryLock } from "./lock.js";

/** What the parent asks for. */
export type Request =
  /** Answered with whether it was had. */
  | { readonly kind: "take"; readonly file: string }
  | { readonly kind: "release" }
  /** Takes it and gives it back so many times; answered with how often another had it as well. */
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

/** A second file, made by whoever has the lock, is there already only if two have it. */
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
