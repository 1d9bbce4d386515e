// Waits for something that is not there yet.

import { setTimeout as delay } from "node:timers/promises";

const PAUSE_MS = 300;

/**
 * Does it again until it succeeds.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function untilDone(work) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      console.log(String(error));
      await delay(PAUSE_MS);
    }
  }
}
