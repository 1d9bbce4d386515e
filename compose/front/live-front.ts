// A running Envoy that follows its filters' files and sources: a saved file is applied, a saved source is compiled and its module takes the place of
// the one that runs. Requests under way end on the old one.

import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import type { ApplyResult } from "../../envoy/runtime/live-file.js";
import type { Member } from "../../filters/member.js";
import { IN_CHECKOUT, sourceAt } from "../../filters/source.js";
import { moduleSources } from "../../filters/up-to-date.js";
import { destinationHeader } from "../destinations.js";
import type { RunEvent } from "../events.js";
import type { RunningEnvoy } from "../planned-envoy.js";
import type { RunDirectory } from "../run-directory.js";
import { FolderWatch, watchContent } from "../watch.js";
import { buildModules, type FrontFilter, type ModuleCopies, readFrontFilter } from "./filters.js";
import { type FrontOptions, planFrontFilter } from "./plan.js";

export interface LiveFrontParts {
  readonly front: FrontOptions;
  readonly filters: readonly FrontFilter[];
  /** Where each filter's module is built, by the filter's name. */
  readonly built: ReadonlyMap<string, string>;
  /** The copies of these that Envoy was started with, by the same. */
  readonly modules: ReadonlyMap<string, string>;
  readonly copies: ModuleCopies;
  /** Where modules are built. Default: where `buildFilters` puts them. */
  readonly outDir?: string | undefined;
  readonly envoy: RunningEnvoy;
  readonly directory: RunDirectory;
  readonly onEvent: (event: RunEvent) => void;
}

/** Follows until it is disposed of. */
export class LiveFront implements Disposable {
  readonly #parts: LiveFrontParts;
  /** What Envoy is meant to run; where it refused a part, it runs the last good one of that. */
  #filters: readonly FrontFilter[];
  #modules: ReadonlyMap<string, string>;
  readonly #watches: Disposable[] = [];
  /** One change after the other. */
  #turn: Promise<void> = Promise.resolve();

  private constructor(parts: LiveFrontParts) {
    this.#parts = parts;
    this.#filters = parts.filters;
    this.#modules = parts.modules;
  }

  static async follow(parts: LiveFrontParts): Promise<LiveFront> {
    const live = new LiveFront(parts);
    for (const [index, { file }] of parts.filters.entries()) {
      live.#watches.push(
        await watchContent(path.resolve(file), () => live.#queue(() => live.#takeFile(index))),
      );
    }
    const members = new Map(parts.filters.map(({ member }) => [member.name, member]));
    for (const member of members.values()) if (member.isOwn || IN_CHECKOUT) await live.#followSources(member);
    return live;
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches) watch[Symbol.dispose]();
  }

  #queue(change: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(change).catch((error: unknown) => {
      if (!(error instanceof MeshwrightError)) throw error;
      this.#parts.onEvent({ kind: "file-refused", lines: [error.message, ...error.details] });
    });
    this.#turn = turn;
    return turn;
  }

  /** Takes an edited file: checked here first, where the answer names line and column, and then by the filter in Envoy. */
  async #takeFile(index: number): Promise<void> {
    const { front, onEvent } = this.#parts;
    const old = this.#filters[index];
    if (old === undefined) return;
    const { file, member } = old;
    const filter = await readFrontFilter({ filter: member.entry, file });
    const filters = this.#filters.map((each, i) => (i === index ? filter : each));
    if (destinationHeader(filters.map(useOf)) !== destinationHeader(front.filters)) {
      // Envoy's routes match the old header; with the new one every request would go to the fallback.
      onEvent({ kind: "restart-needed", paths: [`destinationHeader of ${file}`] });
      return;
    }
    this.#filters = filters;
    const result = await this.#apply(index);
    const told = { filter: member.name, places: [file] };
    onEvent(
      result.accepted ? { kind: "applied", ...told } : { kind: "refused", ...told, reason: result.reason },
    );
  }

  async #followSources(member: Member): Promise<void> {
    const { built } = this.#parts;
    const folder = path.dirname(member.entry);
    let files: ReadonlySet<string> = new Set();
    const isMeant = (file: string) => isSource(file) && (files.has(file) || path.dirname(file) === folder);
    const watch = new FolderWatch(isMeant, () => this.#queue(() => this.#reload(member).then(follow)));
    const follow = async () => {
      files = new Set(await moduleSources(built.get(member.name) ?? "", sourceAt(member.entry)));
      watch.follow([folder, ...[...files].map((file) => path.dirname(file))]);
    };
    await follow();
    await watch.remember(files);
    this.#watches.push(watch);
  }

  async #reload(member: Member): Promise<void> {
    const { copies, onEvent, outDir } = this.#parts;
    const { name } = member;
    const started = performance.now();
    const module = await this.#build(member, outDir);
    if (module === undefined) return;
    const copy = await copies.copy(name, module);
    if (copy === this.#modules.get(name)) return;
    this.#modules = new Map([...this.#modules, [name, copy]]);
    for (const [index, filter] of this.#filters.entries()) {
      if (filter.member.name !== name) continue;
      const result = await this.#apply(index);
      if (!result.accepted) return onEvent({ kind: "module-refused", filter: name, reason: result.reason });
    }
    await copies.keepOnly(name, copy);
    onEvent({ kind: "reloaded", filter: name, seconds: (performance.now() - started) / 1000 });
  }

  async #build(member: Member, outDir: string | undefined): Promise<string | undefined> {
    const { onEvent } = this.#parts;
    const onProgress = (text: string) => onEvent({ kind: "progress", text });
    try {
      return (await buildModules([member], { outDir, onProgress })).get(member.name);
    } catch (error) {
      if (!(error instanceof MeshwrightError)) throw error;
      onEvent({ kind: "build-failed", lines: [error.message, ...error.details] });
      return undefined;
    }
  }

  #apply(index: number): Promise<ApplyResult> {
    const { front, envoy, directory } = this.#parts;
    const wanted: FrontOptions = {
      ...front,
      filters: this.#filters.map(useOf),
      modulePath: (filter) => this.#modules.get(filter) ?? front.modulePath(filter),
    };
    return envoy.apply(planFrontFilter(wanted, index, directory.path));
  }
}

function useOf({ member, config }: FrontFilter) {
  return { filter: member.name, config };
}

/** Whether a module may come to be made of the file: tests and the schema never are. */
function isSource(file: string): boolean {
  return /\.ts$/.test(file) && !/(\.(spec|test|d)\.ts|\/schema\.ts)$/.test(file);
}
