// A process that is started again when it ends by itself, after a wait that grows.

import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { MeshwrightError } from "../envoy/errors.js";
import type { ManagedChild } from "../envoy/runtime/child.js";
import { lastLines } from "../envoy/runtime/envoy-log.js";
import type { RunEvent } from "./events.js";

/** Something that runs as one process: a service, or an Envoy with its filters. */
export interface Running {
  readonly process: Pick<ManagedChild, "exited" | "logs" | "stop">;
}

export interface SupervisedOptions<T extends Running> {
  /** Its name in a sentence: `Envoy gateway`, `service orders_v1`. */
  readonly what: string;
  /** Starts it again. Rejects where it does not come up; by then nothing of it is left. */
  readonly start: (signal: AbortSignal) => Promise<T>;
  /** An abort means that its end is wanted. */
  readonly signal?: AbortSignal;
  /** Must not throw. */
  readonly onEvent: (event: RunEvent) => void;
  /** The first wait, in seconds; each further one is twice as long. Default: 1. */
  readonly firstWait?: number;
}

const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 30;
/** A process that ran this long has recovered, and the next wait is a short one again. */
const STEADY_MS = 60_000;
const LOG_LINES = 5;

/** Takes over a running process, and keeps it running until `stop`. */
export class Supervised<T extends Running> {
  readonly #options: SupervisedOptions<T>;
  #running: T | undefined;
  #isOver = false;
  /** Ends with the supervision; aborts a start under way. */
  readonly #over = new AbortController();
  /** Ends the present wait. */
  #hurry = new AbortController();
  #isAsked = false;
  #failures = 0;
  readonly #done: Promise<void>;

  constructor(first: T, options: SupervisedOptions<T>) {
    this.#options = options;
    // Each start listens to it.
    setMaxListeners(0, this.#over.signal);
    this.#done = this.#supervise(first);
  }

  get what(): string {
    return this.#options.what;
  }

  /** Undefined while it is not up. */
  get running(): T | undefined {
    return this.#running;
  }

  /** Starts it again at once: ends it first where it runs, and ends the wait where it does not. */
  async restart(): Promise<void> {
    this.#isAsked = true;
    this.#failures = 0;
    this.#hurry.abort();
    await this.#running?.process.stop();
  }

  /** Ends it for good; settles when it has ended. May be called again. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#over.abort();
    this.#hurry.abort();
    await this.#running?.process.stop();
    await this.#done;
  }

  get #isWanted(): boolean {
    return !this.#isOver && this.#options.signal?.aborted !== true;
  }

  async #supervise(first: T): Promise<void> {
    for (let running: T | undefined = first; running !== undefined; ) {
      this.#running = running;
      const since = performance.now();
      const exit = await running.process.exited;
      this.#running = undefined;
      if (!this.#isWanted) return;
      if (performance.now() - since >= STEADY_MS) this.#failures = 0;
      const isAsked = this.#takeAsked();
      const wait = isAsked ? 0 : this.#nextWait();
      if (!isAsked) {
        const lines = lastLines(running.process.logs(), LOG_LINES);
        this.#tell({ kind: "ended", what: this.what, exit, lastLines: lines });
      }
      this.#tell({ kind: "restarting", what: this.what, seconds: wait });
      running = await this.#startAgain(wait);
    }
  }

  /** Undefined when it is no longer wanted. */
  async #startAgain(firstWait: number): Promise<T | undefined> {
    for (let wait = firstWait; ; ) {
      await this.#pause(wait);
      if (!this.#isWanted) return undefined;
      this.#takeAsked();
      const started = performance.now();
      try {
        const running = await this.#options.start(this.#over.signal);
        if (!this.#isWanted) {
          await running.process.stop();
          return undefined;
        }
        // Who asked meanwhile has got it.
        this.#takeAsked();
        this.#tell({ kind: "restarted", what: this.what, seconds: (performance.now() - started) / 1000 });
        return running;
      } catch (error) {
        if (!this.#isWanted) return undefined;
        wait = this.#takeAsked() ? 0 : this.#nextWait();
        this.#tell({ kind: "not-restarted", what: this.what, lines: linesOf(error), againAfter: wait });
      }
    }
  }

  /** Whether a person has asked for a start since the last one. */
  #takeAsked(): boolean {
    const isAsked = this.#isAsked;
    this.#isAsked = false;
    this.#hurry = new AbortController();
    return isAsked;
  }

  #nextWait(): number {
    const { firstWait = FIRST_WAIT_S } = this.#options;
    return Math.min(LONGEST_WAIT_S, firstWait * 2 ** this.#failures++);
  }

  #pause(seconds: number): Promise<void> {
    const { signal } = this.#options;
    const signals = [this.#hurry.signal, ...(signal === undefined ? [] : [signal])];
    return delay(seconds * 1000, undefined, { signal: AbortSignal.any(signals) }).catch(() => {});
  }

  #tell(event: RunEvent): void {
    if (this.#isWanted) this.#options.onEvent(event);
  }
}

function linesOf(error: unknown): string[] {
  if (error instanceof MeshwrightError) return [error.message, ...error.details.slice(-LOG_LINES)];
  return [`unexpected error: ${String(error)}`];
}
