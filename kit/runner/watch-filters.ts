// Tests filters on every save. What the save changes is compiled at once, without optimizing. The
// tests of the in-process host report first. The units follow, which have their own compiler, and
// then the conformance suite with a reduced amount of random work.

import type { Vitest } from "vitest/node";
import { FolderWatch } from "../../compose/watch.js";
import { MODULES_VARIABLE } from "../../toolchain/compile/filter-module.js";
import { WarmModules } from "../../toolchain/compile/warm-modules.js";
import { type Counts, describeCounts } from "./counts.js";
import { isSpecOf, isSuiteOf, kindOf, type Room, type Rooms, type SuiteKind, specsIn } from "./room.js";
import { closeSuites, startSuites } from "./suites.js";
import { checkTools, roomNotes, suiteEnvironment, suiteFiles, type TestOptions } from "./test-filters.js";
import { runUnits } from "./units.js";

/**
 * Shorter than an author notices, longer than an editor takes between the steps of one save, in
 * milliseconds.
 */
const SETTLE_MS = 40;

/**
 * Settles when `signal` is aborted, or when the user ends vitest with a key. Throws
 * `MeshwrightError("tool-missing")` when the package has no vitest or as-pect.
 */
export async function watchFilters(rooms: Rooms, options: TestOptions): Promise<void> {
  const { onLine, signal } = options;
  for (const note of roomNotes(rooms.rooms)) onLine(note);
  checkTools(rooms);
  using modules = await WarmModules.create();
  const watch = new FilterWatch(rooms, modules, options);
  try {
    await watch.start();
    await watch.ended;
  } catch (error) {
    if (!signal?.aborted) throw error;
  } finally {
    await watch.stop();
  }
}

/** What a result is about. */
interface About {
  readonly what: string;
  /** When the file was saved, by `performance.now()`. */
  readonly since?: number;
}

/** Runs that vitest starts by itself, after a suite is saved or a key is pressed. */
const BY_VITEST: About = { what: "tests" };

class FilterWatch {
  readonly #rooms: Rooms;
  readonly #modules: WarmModules;
  readonly #options: TestOptions;
  readonly #files: FolderWatch;
  readonly ended: Promise<void>;
  #end: () => void = () => {};
  #vitest: Vitest | undefined;
  /** Filters with a new module that the tests of the in-process host have not run on. */
  readonly #fresh = new Set<Room>();
  /** Filters that the units and the conformance suite have not run on since they changed. */
  readonly #owed = new Set<Room>();
  /** Filters that do not compile. */
  readonly #broken = new Set<Room>();
  /** Ended by the next save. */
  #turn = new AbortController();
  #saved = new Set<string>();
  #working: Promise<void> = Promise.resolve();
  /** What the next result is about. */
  #about: About = BY_VITEST;
  /** How many tests of the last run failed. */
  #failed = 0;

  constructor(rooms: Rooms, modules: WarmModules, options: TestOptions) {
    this.#rooms = rooms;
    this.#modules = modules;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    options.signal?.addEventListener("abort", () => this.#end(), { once: true });
    this.#files = new FolderWatch(
      (file) => this.#matters(file),
      async (changed) => this.#take(changed),
      SETTLE_MS,
    );
  }

  /** Settles after the first tests. Files that are saved meanwhile are tested after them. */
  async start(): Promise<void> {
    this.#working = this.#begin(this.#turn.signal);
    await this.#working;
  }

  async #begin(turn: AbortSignal): Promise<void> {
    const { root, rooms } = this.#rooms;
    const { envoy, interactive, onLine, signal } = this.#options;
    onLine(`compiling ${rooms.map(({ name }) => name).join(", ")} …`);
    for (const room of rooms) await this.#build(room);
    this.#follow();
    this.#vitest = await startSuites({
      root,
      files: suiteFiles(this.#rooms, envoy),
      interactive,
      watch: true,
      env: { ...suiteEnvironment(envoy), [MODULES_VARIABLE]: this.#modules.folder, MESHWRIGHT_QUICK: "1" },
      onResult: (counts) => this.#tell(counts),
      ...(signal === undefined ? {} : { signal }),
    });
    this.#vitest.onClose(() => {
      // vitest has ended the watch. A failed test does not make the watch itself fail.
      process.exitCode = 0;
      this.#end();
    });
    // All suites have run, so nothing has to be run again.
    this.#fresh.clear();
    for (const room of rooms) this.#owed.add(room);
    // This makes the first save as quick as later ones. The units have a process of their own.
    const [first] = rooms;
    if (first !== undefined) void this.#modules.warmUp(first);
    await this.#runUnits(turn);
    if (!turn.aborted) this.#owed.clear();
  }

  async stop(): Promise<void> {
    this.#files[Symbol.dispose]();
    this.#turn.abort();
    if (this.#vitest !== undefined) await closeSuites(this.#vitest);
  }

  #matters(file: string): boolean {
    return this.#rooms.rooms.some((room) => isSpecOf(room, file) || this.#modules.uses(room, file));
  }

  #take(changed: readonly string[]): void {
    for (const file of changed) this.#saved.add(file);
    this.#turn.abort();
    const turn = new AbortController();
    this.#turn = turn;
    const since = performance.now() - SETTLE_MS;
    this.#working = this.#settled().then(() => this.#test(since, turn.signal));
    this.#working.catch((error: unknown) => this.#tellFailure(error, turn.signal));
  }

  /** Settles when the current run has ended. Its starter has already reported how it failed. */
  async #settled(): Promise<void> {
    const cancelled = this.#vitest?.cancelCurrentRun("keyboard-input");
    await Promise.allSettled([this.#working, cancelled]);
  }

  /** A save that could not be tested does not end the watch. */
  #tellFailure(error: unknown, turn: AbortSignal): void {
    if (turn.aborted) return;
    this.#options.onLine(`this save was not tested: ${String(error)}; the next one will be`);
  }

  /** Tests what was saved, and what earlier turns left undone. */
  async #test(since: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const saved = [...this.#saved];
    this.#saved.clear();
    for (const room of this.#rooms.rooms) {
      const isChanged = saved.some((file) => !isSpecOf(room, file) && this.#modules.uses(room, file));
      if (isChanged) await this.#build(room);
      if (isChanged || saved.some((file) => isSpecOf(room, file))) this.#owed.add(room);
    }
    this.#follow();
    const failed = await this.#runSuites(this.#fresh, ["host"], { what: "tests", since });
    if (signal.aborted) return;
    this.#fresh.clear();
    await this.#runUnits(signal);
    if (signal.aborted) return;
    if (failed === 0) return this.#conform(signal);
    // Its output would hide what failed.
    const isOwed = [...this.#owed].some(({ suites }) => suites.some(({ kind }) => kind === "conformance"));
    if (isOwed) this.#options.onLine("the conformance suite runs after a save with which these tests pass");
  }

  async #conform(signal: AbortSignal): Promise<void> {
    await this.#runSuites(this.#owed, ["conformance", "envoy"], { what: "conformance" });
    if (signal.aborted) return;
    for (const room of this.#owed) if (!this.#broken.has(room)) this.#owed.delete(room);
  }

  async #build(room: Room): Promise<void> {
    const result = await this.#modules.build(room);
    if (result === "built") {
      this.#broken.delete(room);
      this.#fresh.add(room);
      return;
    }
    this.#fresh.delete(room);
    this.#broken.add(room);
    const { onLine } = this.#options;
    for (const line of [result.message, ...result.details.map((detail) => `  ${detail}`)]) onLine(line);
    onLine(`${room.name} is tested again after the next save`);
  }

  /** Returns how many tests failed. */
  async #runSuites(rooms: ReadonlySet<Room>, kinds: readonly SuiteKind[], about: About): Promise<number> {
    const vitest = this.#vitest;
    const sound = [...rooms].filter((room) => !this.#broken.has(room));
    if (vitest === undefined || sound.length === 0) return 0;
    const all = await vitest.globTestSpecifications();
    const kindsOfAll = await Promise.all(all.map(({ moduleId }) => kindOf(moduleId)));
    const wanted = all.filter(({ moduleId }, i) => {
      const kind = kindsOfAll[i];
      return kind !== undefined && kinds.includes(kind) && sound.some((room) => isSuiteOf(room, moduleId));
    });
    if (wanted.length === 0) return 0;
    this.#about = about;
    this.#failed = 0;
    // The output of later tests goes below that of the first tests after a save.
    const { interactive } = this.#options;
    vitest.config.clearScreen = interactive && about.since !== undefined;
    await vitest.rerunTestSpecifications(wanted);
    vitest.config.clearScreen = interactive;
    this.#about = BY_VITEST;
    return this.#failed;
  }

  async #runUnits(signal: AbortSignal): Promise<void> {
    const sound = [...this.#owed].filter((room) => !this.#broken.has(room));
    const specs = (await Promise.all(sound.map(({ folder }) => specsIn(folder)))).flat();
    if (specs.length === 0 || signal.aborted) return;
    const { onLine } = this.#options;
    const counts = await runUnits(specs, { root: this.#rooms.root, onLine, signal });
    if (!signal.aborted) onLine(`units: ${describeCounts(counts)}`);
  }

  #tell(counts: Counts): void {
    this.#failed = counts.failed;
    const { what, since } = this.#about;
    const seconds = since === undefined ? undefined : ((performance.now() - since) / 1000).toFixed(2);
    this.#options.onLine(
      `${what}: ${describeCounts(counts)}${seconds === undefined ? "" : `, ${seconds} s after the save`}`,
    );
  }

  #follow(): void {
    this.#files.follow([...this.#modules.folders(), ...this.#rooms.rooms.map(({ folder }) => folder)]);
  }
}
