// A running Envoy that follows its filters' files and sources. A saved file is applied. A saved
// source is compiled, and its module replaces the running one; requests under way end on the old
// module. The first compilation does not optimize and takes a fraction of a second. The module that
// a build makes follows some seconds later.

import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { MeshwrightError } from "../../envoy/errors.js";
import { formatPath } from "../../envoy/problems.js";
import { IN_CHECKOUT } from "../../toolchain/compile/source.js";
import { WarmModules } from "../../toolchain/compile/warm-modules.js";
import type { Member } from "../../toolchain/package/member.js";
import { DESCRIPTIONS } from "../../toolchain/package/own-descriptor.js";
import type { RunEvent } from "../events.js";
import { failureEvent } from "../failures.js";
import type { FilterUse } from "../filter-use.js";
import { buildModules } from "../modules.js";
import { changedRestartKeys } from "../restart-keys.js";
import type { RunDirectory } from "../run-directory.js";
import type { Outcome, SupervisedEnvoy } from "../supervised-envoy.js";
import { FolderWatch, watchContent } from "../watch.js";
import { callableServices, type FrontFilter, type ModuleCopies, readFrontFilter, useOf } from "./filters.js";
import { LiveNatives } from "./live-natives.js";
import { type FrontOptions, planFrontFilter } from "./plan.js";

/** How long after the last write files are read. */
const SETTLE_MS = 60;
/** How long after a failed write it is tried again. */
const WRITE_AGAIN_MS = 1_000;
/** How long after a new module the optimizing build begins. */
const QUIET_MS = 1_000;

export interface LiveFrontParts {
  readonly front: FrontOptions;
  readonly filters: readonly FrontFilter[];
  /** The copies of the modules with which Envoy was started, by the filters' names. */
  readonly modules: ReadonlyMap<string, string>;
  readonly copies: ModuleCopies;
  /** The folder in which modules are built. Default: that of `buildFilters`. */
  readonly outDir?: string | undefined;
  readonly envoy: Pick<SupervisedEnvoy, "apply">;
  readonly directory: RunDirectory;
  /** Must not throw. */
  readonly onEvent: (event: RunEvent) => void;
}

/** Follows files and sources until it is disposed of. */
export class LiveFront implements Disposable {
  readonly #parts: LiveFrontParts;
  readonly #warm: WarmModules;
  /** What Envoy should run. Where it refused a part, it runs the last good version of that part. */
  #filters: readonly FrontFilter[];
  #modules: ReadonlyMap<string, string>;
  readonly #watches: Disposable[] = [];
  /** Changes run one after the other. */
  #turn: Promise<void> = Promise.resolve();
  /**
   * How often each filter's sources were saved, by its name. A build that began before a save is
   * dropped after it.
   */
  readonly #saves = new Map<string, number>();
  /** Builds run one after the other. */
  #builds: Promise<void> = Promise.resolve();
  #isOver = false;

  private constructor(parts: LiveFrontParts, warm: WarmModules) {
    this.#parts = parts;
    this.#warm = warm;
    this.#filters = parts.filters;
    this.#modules = parts.modules;
  }

  static async follow(parts: LiveFrontParts): Promise<LiveFront> {
    const warm = await WarmModules.create(path.join(parts.directory.path, "unoptimized"));
    const live = new LiveFront(parts, warm);
    try {
      await live.#follow();
      return live;
    } catch (error) {
      live[Symbol.dispose]();
      throw error;
    }
  }

  async #follow(): Promise<void> {
    const { filters } = this.#parts;
    for (const [index, { file }] of filters.entries()) {
      this.#watches.push(await watchContent(path.resolve(file), () => this.#queueFile(index, file)));
    }
    const { front, envoy, onEvent } = this.#parts;
    const queue = (what: string, change: () => Promise<void>) => this.#queue(what, change);
    this.#watches.push(await LiveNatives.follow({ natives: front.natives ?? [], envoy, onEvent, queue }));
    const members = new Map(filters.map(({ member }) => [member.name, member]));
    for (const member of members.values()) {
      // A bundle's sources are built again at the next start.
      if (member.parts === undefined && (member.isOwn || IN_CHECKOUT)) this.#followSources(member);
    }
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const watch of this.#watches) watch[Symbol.dispose]();
    this.#warm[Symbol.dispose]();
  }

  /**
   * Makes a change after all changes that were queued before it. Never rejects: a change that fails
   * is reported, and the next one is made.
   * @param what names the change in a sentence
   */
  #queue(what: string, change: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(() => this.#untilWritten(what, change));
    return this.#turn;
  }

  /**
   * Makes the change. Where a file cannot be written, this is told once, and the change is made as
   * soon as it can.
   */
  async #untilWritten(what: string, change: () => Promise<void>): Promise<void> {
    for (let isTold = false; ; ) {
      try {
        return await change();
      } catch (error) {
        const isUnwritten = error instanceof MeshwrightError && error.code === "write-failed";
        if (!isTold) this.#tellFailure(error, what);
        isTold = true;
        if (!isUnwritten || this.#isOver) return;
        await delay(WRITE_AGAIN_MS, undefined, { ref: false });
        if (this.#isOver) return;
      }
    }
  }

  #queueFile(index: number, file: string): Promise<void> {
    return this.#queue(file, () => this.#takeFile(index));
  }

  /** When Envoy is stopped, a change under way fails. This is not reported. */
  #tellFailure(error: unknown, what: string): void {
    if (!this.#isOver) this.#parts.onEvent(failureEvent(error, what));
  }

  /**
   * Applies an edited file. It is checked here first, because this check names line and column, and
   * then by the filter in Envoy.
   */
  async #takeFile(index: number): Promise<void> {
    const { front, onEvent } = this.#parts;
    const old = this.#filters[index];
    if (old === undefined) return;
    const { file, member } = old;
    const filter = await readFrontFilter({ ...old, filter: member.entry }, callableServices(front));
    const fixed = changedRestartKeys(useOf(old), useOf(filter));
    if (fixed.length > 0) {
      onEvent({ kind: "restart-needed", paths: fixed.map((key) => `${formatPath(key)} of ${file}`) });
      return;
    }
    this.#filters = this.#filters.map((each, i) => (i === index ? filter : each));
    onEvent({ ...(await this.#apply(index)), filter: member.name, places: [file] });
  }

  #followSources(member: Member): void {
    const { name, entry } = member;
    const folder = path.dirname(entry);
    const descriptions = DESCRIPTIONS.map((file) => path.join(folder, file));
    const isDescription = (file: string) => descriptions.includes(file);
    const watch = new FolderWatch(
      (file) => isDescription(file) || this.#warm.uses(member, file),
      async (changed) => {
        const since = performance.now() - SETTLE_MS;
        if (changed.some(isDescription)) this.#takeDescription(member);
        if (changed.every(isDescription)) return;
        this.#saves.set(name, this.#savesOf(name) + 1);
        await this.#queue(newModuleOf(member), () => this.#reload(member, since).finally(follow));
      },
      SETTLE_MS,
    );
    const follow = () => watch.follow([folder, ...this.#warm.folders()]);
    follow();
    this.#watches.push(watch);
    // The first build finds the sources to follow, and makes the first save as quick as the later
    // ones.
    void this.#queue(`the sources of ${name}`, () => this.#warm.build(member).then(follow));
  }

  /** The filter's schema may have changed. */
  #takeDescription(member: Member): void {
    for (const [index, filter] of this.#filters.entries()) {
      if (filter.member.name === member.name) void this.#queueFile(index, filter.file);
    }
  }

  async #reload(member: Member, since: number): Promise<void> {
    const { name } = member;
    const result = await this.#warm.build(member);
    if (result !== "built") {
      if (result.code === "write-failed") throw result;
      this.#tellUnbuilt(result);
      return;
    }
    if (!(await this.#replace(name, this.#warm.path(name)))) return;
    this.#parts.onEvent({ kind: "reloaded", filter: name, seconds: secondsSince(since) });
    const save = this.#savesOf(name);
    this.#builds = this.#builds.then(() => this.#optimize(member, { save, since }));
  }

  /** This runs beside the changes because it takes seconds. A save meanwhile makes it void. */
  async #optimize(member: Member, { save, since }: { save: number; since: number }): Promise<void> {
    const { onEvent, outDir } = this.#parts;
    const { name } = member;
    const isVoid = () => this.#isOver || this.#savesOf(name) !== save;
    // A person who saves again soon needs the processor for that.
    await delay(QUIET_MS, undefined, { ref: false });
    if (isVoid()) return;
    try {
      const built = await buildModules([member], { outDir, onProgress: () => {} });
      await this.#queue(newModuleOf(member), async () => {
        if (isVoid() || !(await this.#replace(name, built.get(name) ?? ""))) return;
        onEvent({ kind: "optimized", filter: name, seconds: secondsSince(since) });
      });
    } catch (error) {
      if (isVoid()) return;
      if (error instanceof MeshwrightError) this.#tellUnbuilt(error);
      else this.#tellFailure(error, newModuleOf(member));
    }
  }

  #savesOf(name: string): number {
    return this.#saves.get(name) ?? 0;
  }

  #tellUnbuilt({ message, details }: MeshwrightError): void {
    this.#parts.onEvent({ kind: "build-failed", lines: [message, ...details] });
  }

  /** Replaces the filter's module; false where Envoy refuses the new one. */
  async #replace(name: string, module: string): Promise<boolean> {
    const { copies, onEvent } = this.#parts;
    const copy = await copies.copy(name, module);
    this.#modules = new Map([...this.#modules, [name, copy]]);
    for (const [index, filter] of this.#filters.entries()) {
      if (filter.member.name !== name) continue;
      const outcome = await this.#apply(index);
      if (outcome.kind === "applied") continue;
      if (outcome.kind === "deferred") {
        onEvent({ ...outcome, filter: name, places: [filter.file] });
        continue;
      }
      onEvent({ kind: "module-refused", filter: name, reason: outcome.reason });
      return false;
    }
    await copies.keepOnly(name, copy);
    return true;
  }

  async #apply(index: number): Promise<Outcome> {
    const { front, envoy, copies } = this.#parts;
    await copies.restore();
    const wanted: FrontOptions = {
      ...front,
      filters: this.#filters.map(useOf),
      modulePath: (use) => this.#pathOf(use),
    };
    return envoy.apply(planFrontFilter(wanted, index));
  }

  #pathOf(use: FilterUse): string {
    const { front, copies } = this.#parts;
    const module = this.#modules.get(use.filter);
    return module === undefined ? front.modulePath(use) : copies.pathOf(module, use);
  }
}

function newModuleOf({ name }: Member): string {
  return `the new module of ${name}`;
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
