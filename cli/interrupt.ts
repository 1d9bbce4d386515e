// Handles Ctrl-C: the first asks for an orderly end, the second ends everything at once.

import type { Screen } from "./screen.js";

/** The reason of an aborted start. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  constructor() {
    super("interrupted: everything that was started has ended");
  }
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/**
 * npm passes a terminal's Ctrl-C on to us although the terminal has already sent it. Two within
 * this time count as one.
 */
const SAME_MS = 500;
const KILLED_EXIT_CODE = 130;

/** Listens for signals until it is disposed of. */
export interface Interrupt extends Disposable {
  /** Aborted by the first signal, with an `Interrupted`. */
  readonly signal: AbortSignal;
  /** Settles at the first signal. */
  readonly happened: Promise<void>;
}

/**
 * The first signal is reported on the screen. The second ends this process, whose exit hook ends
 * every child.
 */
export function listenForInterrupt(screen: Screen): Interrupt {
  const controller = new AbortController();
  const happened = new Promise<void>((resolve) => {
    controller.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  let first: number | undefined;
  const onSignal = () => {
    const now = performance.now();
    if (first === undefined) {
      first = now;
      screen.settle();
      screen.print(["", "Stopping … (again to kill at once)"]);
      controller.abort(new Interrupted());
    } else if (now - first > SAME_MS) {
      process.exit(KILLED_EXIT_CODE);
    }
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    signal: controller.signal,
    happened,
    [Symbol.dispose]: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}
