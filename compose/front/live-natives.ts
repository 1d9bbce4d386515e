// Follows the files of Envoy's own filters while Envoy runs. New settings are applied by discovery.
// What the listener and its routes have of a filter needs a restart.

import path from "node:path";
import { formatPath } from "../../envoy/problems.js";
import { differences } from "../differences.js";
import type { RunEvent } from "../events.js";
import { nativeUse, readNativeFilters } from "../native-filters.js";
import { changedRestartKeys } from "../restart-keys.js";
import type { SupervisedEnvoy } from "../supervised-envoy.js";
import { watchContent } from "../watch.js";
import type { NativeFile } from "./arguments.js";
import { fixedInFront, type PlacedNative, planFrontNative } from "./plan.js";

export interface LiveNativesParts {
  readonly natives: readonly PlacedNative[];
  readonly envoy: Pick<SupervisedEnvoy, "apply">;
  /** Must not throw. */
  readonly onEvent: (event: RunEvent) => void;
  /** Makes a change after those before it, and reports its failure. Never rejects. */
  readonly queue: (what: string, change: () => Promise<void>) => Promise<void>;
}

/** Follows the files until it is disposed of. */
export class LiveNatives implements Disposable {
  readonly #parts: LiveNativesParts;
  readonly #fixed: ReadonlySet<PlacedNative>;
  /** The settings that each filter got last. */
  readonly #given: Map<PlacedNative, PlacedNative>;
  readonly #watches: Disposable[] = [];

  private constructor(parts: LiveNativesParts) {
    this.#parts = parts;
    this.#fixed = fixedInFront(parts);
    this.#given = new Map(parts.natives.map((native) => [native, native]));
  }

  static async follow(parts: LiveNativesParts): Promise<LiveNatives> {
    const live = new LiveNatives(parts);
    for (const from of new Set(parts.natives.map((native) => native.from))) {
      const take = () => parts.queue(from.file, () => live.#take(from));
      live.#watches.push(await watchContent(path.resolve(from.file), take));
    }
    return live;
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches) watch[Symbol.dispose]();
  }

  async #take(from: NativeFile): Promise<void> {
    const { natives, envoy, onEvent } = this.#parts;
    const { file } = from;
    const read = await readNativeFilters(file);
    const started = natives.filter((native) => native.from === from);
    if (read.length !== started.length) {
      onEvent({ kind: "restart-needed", paths: [`the number of filters in ${file}`] });
      return;
    }
    const edited = started.flatMap((was, i) => {
      const filter = read[i];
      return filter === undefined ? [] : [{ was, filter, place: started.length > 1 ? [i] : [] }];
    });
    const paths = edited.flatMap(({ was, filter, place }) =>
      this.#fixedChanges(was, filter).map((key) => formatPath([...place, ...key])),
    );
    if (paths.length > 0) {
      onEvent({ kind: "restart-needed", paths: paths.map((each) => `${each} of ${file}`) });
      return;
    }
    for (const { was, filter } of edited) {
      const last = this.#given.get(was) ?? was;
      if (differences(last.filter, filter).length === 0) continue;
      const native = { ...was, filter };
      this.#given.set(was, native);
      const outcome = await envoy.apply(planFrontNative(native));
      onEvent({ ...outcome, filter: filter.name, places: [file] });
    }
  }

  #fixedChanges(was: PlacedNative, filter: PlacedNative["filter"]): readonly (readonly PropertyKey[])[] {
    if (this.#fixed.has(was)) return differences(was.filter, filter);
    return changedRestartKeys(nativeUse(was.filter), nativeUse(filter));
  }
}
