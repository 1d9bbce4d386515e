// Tells how far the start of a mesh is.

import type { RunEvent } from "../events.js";

const WAITING_INTERVAL_MS = 2_000;
/** Above this number of parts, lines for each of them say less than their count. */
const MAX_TOLD_SINGLY = 20;

/** What is ready, told as it comes or in numbers. */
export class Progress {
  readonly #of: number;
  readonly #onEvent: (event: RunEvent) => void;
  readonly #waiting = new Set<string>();
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor(of: number, onEvent: (event: RunEvent) => void) {
    this.#of = of;
    this.#onEvent = onEvent;
    this.#timer = setInterval(() => {
      if (this.#waiting.size === 0) return;
      onEvent({ kind: "waiting", what: [...this.#waiting], of, seconds: this.#seconds });
    }, WAITING_INTERVAL_MS);
  }

  get #seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  waiting(what: string): void {
    this.#waiting.add(what);
  }

  ready(what: string): void {
    this.#waiting.delete(what);
    const seconds = this.#seconds;
    if (this.#of <= MAX_TOLD_SINGLY) this.#onEvent({ kind: "ready", what, seconds });
    else if (this.#waiting.size === 0)
      this.#onEvent({ kind: "ready", what: `all ${this.#of} parts`, seconds });
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
