// Runs vitest on the suites of filters.

import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { CliOptions, Reporter, TestModule, Vitest } from "vitest/node";
import { findVitest } from "./author-tools.js";
import { type Counts, NO_TESTS } from "./counts.js";

/** Patterns of paths below the package, as vitest takes them. */
export interface SuiteFiles {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

export interface SuiteOptions {
  /** The package that has the suites, as an absolute path. Its own `vitest.config.ts` applies. */
  readonly root: string;
  /** Which files are suites. Default: those that the package's vitest configuration names. */
  readonly files?: SuiteFiles;
  /** Files, patterns and options, as on vitest's own command line. */
  readonly words?: readonly string[];
  /** Whether vitest stays and reruns the suites that are saved. */
  readonly watch?: boolean;
  /** Environment variables for the suites, besides those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the output goes to a terminal: in colours, and cleared between runs. */
  readonly interactive: boolean;
  /** Called after each run that was not cut short, with what became of each file. */
  readonly onResult: (counts: Counts, files: readonly SuiteResult[]) => void;
  /** Ends vitest. */
  readonly signal?: AbortSignal;
}

/** What became of a file of tests. */
export interface SuiteResult {
  /** Its path below the package. */
  readonly file: string;
  /** Includes the time to load it. */
  readonly seconds: number;
  readonly counts: Counts;
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** How long vitest may take to end what it has started, in milliseconds. */
const CLOSE_MS = 1_500;

/** Runs the suites once. `onFiles` gets what became of each. Throws as `startSuites` does. */
export async function runSuites({
  onFiles,
  ...options
}: Omit<SuiteOptions, "onResult" | "watch"> & {
  readonly onFiles?: (files: readonly SuiteResult[]) => void;
}): Promise<Counts> {
  let counts = NO_TESTS;
  const onResult: SuiteOptions["onResult"] = (result, files) => {
    counts = result;
    onFiles?.(files);
  };
  await startSuites({ ...options, onResult });
  // vitest also fails without a failed test: when there are no tests, or at a threshold that the
  // package sets.
  const failed = process.exitCode === 1 ? Math.max(counts.failed, 1) : counts.failed;
  return { ...counts, failed };
}

/**
 * Runs the suites, and settles after the first run. Without `watch`, vitest is then closed. Throws
 * `MeshwrightError("tool-missing")` without vitest, and the reason of `signal` when aborted.
 */
export async function startSuites(options: SuiteOptions): Promise<Vitest> {
  const { root, words = [], interactive, onResult, signal } = options;
  if (!interactive) process.env.NO_COLOR ??= "1";
  const { parseCLI, startVitest }: typeof import("vitest/node") = await import(
    pathToFileURL(findVitest(root)).href
  );
  const { filter, options: said } = parseCLI(["vitest", ...words]);
  let vitest: Vitest | undefined;
  const own = SIGNALS.map((name) => process.listeners(name));
  const result: Reporter = {
    onInit: (started) => {
      vitest = started;
      for (const [i, name] of SIGNALS.entries()) keepListeners(name, own[i] ?? []);
    },
    onTestRunEnd: (modules, errors, reason) => {
      if (reason !== "interrupted") onResult(countTests(modules, errors.length), modules.map(resultOf));
    },
  };
  const run = startVitest("test", filter, {
    ...said,
    ...configuration(options),
    reporters: ["default", result],
  });
  const aborted = abortOf(signal);
  try {
    return await Promise.race([run, aborted.happened]);
  } catch (error) {
    // Errors that vitest reports while it is closed in the middle of a run do not matter.
    run.catch(() => {});
    if (vitest !== undefined) await closeSuites(vitest);
    throw error;
  } finally {
    aborted[Symbol.dispose]();
  }
}

/** Removes the listeners of vitest and vite, which end this process before it has cleaned up. */
function keepListeners(name: NodeJS.Signals, own: readonly NodeJS.SignalsListener[]): void {
  for (const listener of process.listeners(name)) if (!own.includes(listener)) process.off(name, listener);
}

/** Ends vitest and the processes that run its suites, whatever they do. */
export async function closeSuites(vitest: Vitest): Promise<void> {
  const end = Promise.all([vitest.cancelCurrentRun("keyboard-input"), vitest.close()]);
  await Promise.race([end.catch(() => {}), delay(CLOSE_MS)]);
}

function configuration({ root, files, watch = false, env = {}, interactive }: SuiteOptions): CliOptions {
  return {
    root,
    watch,
    env: { ...env },
    clearScreen: interactive,
    ...(files === undefined ? {} : { include: [...files.include], exclude: [...files.exclude] }),
  };
}

/** A promise that rejects with the signal's reason. */
function abortOf(signal: AbortSignal | undefined): Disposable & { readonly happened: Promise<never> } {
  let onAbort = () => {};
  const happened = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
  return { happened, [Symbol.dispose]: () => signal?.removeEventListener("abort", onAbort) };
}

/**
 * Counts the tests. A file that fails to load has no failed test of its own, yet nothing in it ran,
 * so it counts as one. So does an error outside all tests.
 */
function countTests(modules: readonly TestModule[], errors: number): Counts {
  const count = (state: string, of: TestModule) => [...of.children.allTests(state as "passed")].length;
  const sum = (state: string) => modules.reduce((all, module) => all + count(state, module), 0);
  const broken = modules.filter((module) => module.state() === "failed" && count("failed", module) === 0);
  return {
    passed: sum("passed"),
    failed: sum("failed") + broken.length + errors,
    skipped: sum("skipped") + sum("pending"),
  };
}

function resultOf(module: TestModule): SuiteResult {
  const { prepareDuration, environmentSetupDuration, collectDuration, setupDuration, duration } =
    module.diagnostic();
  const milliseconds =
    prepareDuration + environmentSetupDuration + collectDuration + setupDuration + duration;
  return { file: module.relativeModuleId, seconds: milliseconds / 1000, counts: countTests([module], 0) };
}
