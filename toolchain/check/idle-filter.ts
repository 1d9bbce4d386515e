// Finds a filter that compiles, loads, and does nothing: its root gives streams no context of the
// filter's, or nothing ever makes its classes or calls its methods.

import { distance } from "fastest-levenshtein";
import type { Source } from "../compile/source.js";
import type { DeclaredClass, Method } from "./declarations.js";
import {
  COMPATIBLE,
  contextMethods,
  type ExportedCallbacks,
  type Implementation,
  implementations,
  methodsFrom,
  NETWORK,
  placeOf,
  STATELESS,
  STREAM,
} from "./silent-methods.js";
import type { SourceTree } from "./source-tree.js";

type PlaceOf = (place: { readonly file: string; readonly line: number }) => string;

/** The methods by which a root gives a context, for each file of callbacks; the usual one first. */
const GIVERS: Readonly<Record<string, readonly string[]>> = {
  [STREAM]: ["createHttpContext", "sharedHttpContext", "streamContext", "sharedContext"],
  [STATELESS]: ["sharedHttpContext", "sharedContext"],
  [NETWORK]: ["createTcpContext"],
  [COMPATIBLE]: ["createContext"],
};

/** Methods of contexts that a root has too, or that only tidy up. */
const ROOT_METHODS: ReadonlySet<string> = new Set(["onDone", "onRecycle", "onDelete"]);

/** Methods that are called only after the filter has called a function of the SDK. */
const AFTER: ReadonlyMap<string, readonly [call: string, ...others: string[]]> = new Map([
  ["onTick", ["setTickPeriod", "set_tick_period_milliseconds", "proxy_set_tick_period_milliseconds"]],
  ["onQueueReady", ["registerSharedQueue", "register_shared_queue", "proxy_register_shared_queue"]],
]);

/** Methods whose `false` refuses everything, and whose `null` gives nothing. */
const USELESS: ReadonlyMap<string, readonly [word: string, effect: string]> = new Map([
  ["onStart", ["false", "Envoy refuses every VM"]],
  ["onConfigure", ["false", "Envoy refuses every configuration"]],
  ["sharedHttpContext", ["null", "every stream passes unchanged"]],
  ["sharedContext", ["null", "every stream passes unchanged"]],
]);

/** A line for each reason why the filter does nothing, `index.ts:12: …`. */
export function idleFaults(
  tree: SourceTree,
  source: Source,
  { callbacks, files }: ExportedCallbacks,
): readonly string[] {
  // The layer for `@solo-io/proxy-runtime` takes some callbacks from the SDK's own files.
  const kinds = [COMPATIBLE, STREAM, STATELESS, NETWORK].filter((file) => files.has(file));
  if (kinds.length > 1 && kinds[0] !== COMPATIBLE) {
    return [`its callbacks come from ${kinds.join(" and ")}, which do not know each other's streams`];
  }
  if (!callbacks.includes("proxy_on_context_create") && !callbacks.includes("proxy_on_configure")) {
    return ["it exports neither proxy_on_configure nor proxy_on_context_create: no root is ever made"];
  }
  const filter = new Filter(tree, (place) => placeOf(source, place));
  const [kind] = kinds;
  return [
    ...(kind === undefined ? [] : filter.streamsWithoutContext(kind, callbacks)),
    ...filter.neverMade(),
    ...filter.neverCalled(),
    ...filter.useless(),
  ];
}

/** The classes of a filter that extend those of the SDK. */
class Filter {
  readonly #tree: SourceTree;
  readonly #placeOf: PlaceOf;
  /** Every class with its bases, the SDK's last. */
  readonly #chains: readonly (readonly DeclaredClass[])[];
  /** The classes that are made somewhere. */
  readonly #made: ReadonlySet<DeclaredClass>;
  /** Those, and their bases. */
  readonly #used: ReadonlySet<DeclaredClass>;
  readonly #mentioned: ReadonlySet<string>;

  constructor(tree: SourceTree, placeOf: PlaceOf) {
    this.#tree = tree;
    this.#placeOf = placeOf;
    const files = tree.filesBesideSdk().map((file) => tree.parsed(file));
    this.#chains = files
      .flatMap(({ classes }) => classes)
      .map((each) => tree.chainOf(each))
      .filter((chain) => tree.isOfSdk(chain.at(-1)?.file ?? ""));
    const made = files.flatMap(({ uses }) => uses.made).flatMap((use) => tree.classAt(use) ?? []);
    this.#made = new Set(made);
    this.#used = new Set(made.flatMap((each) => tree.chainOf(each)));
    this.#mentioned = new Set(files.flatMap(({ uses }) => [...uses.mentioned]));
  }

  /** Why streams or connections get no context that does anything. */
  streamsWithoutContext(kind: string, callbacks: readonly string[]): readonly string[] {
    const implemented = new Set(
      this.#implementing().flatMap(({ found }) => found.map(({ method }) => method)),
    );
    const wanted = streamMethods(kind).filter(([, callback]) => callbacks.includes(callback));
    const isServed = wanted.some(([method]) => implemented.has(method));
    // The layer exports every callback, also for a filter that has only a root.
    if (wanted.length === 0 || (kind === COMPATIBLE && !isServed)) return [];
    const roots = this.#rootsWithoutContext(kind);
    if (roots.length > 0 || isServed) return roots;
    const missing = wanted.map(
      ([method, callback]) => `${callback} is exported, and no context has ${method}`,
    );
    return missing.slice(0, 1);
  }

  /** A line for each root that is made and does not give a context of the filter's. */
  #rootsWithoutContext(kind: string): readonly string[] {
    const givers = GIVERS[kind] ?? [];
    return this.#chains.flatMap((chain) => {
      const [own] = chain;
      if (own === undefined || !this.#made.has(own) || !this.#isRoot(chain)) return [];
      if (this.#givesContext(chain, givers)) return [];
      const isFilterRoot = chain.some(({ name, file }) => name === "FilterRoot" && this.#tree.isOfSdk(file));
      const fitting = givers.filter((name) => /^(stream|shared)Context$/.test(name) === isFilterRoot);
      const advice = (fitting.length > 0 ? fitting : givers).join(" or ");
      return [`${this.#placeOf(own)}: ${own.name} gives no context: override ${advice}`];
    });
  }

  #isRoot(chain: readonly DeclaredClass[]): boolean {
    return chain.some(({ name, file }) => name === "RootContext" && this.#tree.isOfSdk(file));
  }

  #givesContext(chain: readonly DeclaredClass[], givers: readonly string[]): boolean {
    return chain
      .filter(({ file }) => !this.#tree.isOfSdk(file))
      .some(({ methods }) => methods.some(({ name, hasBody }) => hasBody && givers.includes(name)));
  }

  /** Each class with methods that the host would call, where nothing makes one. */
  neverMade(): readonly string[] {
    return this.#implementing().flatMap(({ own, found }) => {
      if (this.#used.has(own)) return [];
      const methods = found.map(({ method }) => method).join(", ");
      return [`${this.#placeOf(own)}: no ${own.name} is ever made, so that nothing calls its ${methods}`];
    });
  }

  #implementing(): readonly { own: DeclaredClass; found: readonly Implementation[] }[] {
    return this.#chains.flatMap((chain) => {
      const [own] = chain;
      const found = implementations(this.#tree, chain).filter(
        ({ isOwn, where }) => isOwn && where.file === own?.file && own.methods.some(isAt(where.line)),
      );
      return own === undefined || found.length === 0 ? [] : [{ own, found }];
    });
  }

  /** Each method that looks like one of the host's and is none, or that waits for a call. */
  neverCalled(): readonly string[] {
    return this.#chains.flatMap((chain) => {
      const [own] = chain;
      if (own === undefined) return [];
      const base = chain.find(({ file }) => this.#tree.isOfSdk(file));
      const known = new Set(chain.filter((each) => each !== own).flatMap((each) => each.methods.map(nameOf)));
      return [
        ...own.methods.flatMap((method) => this.#strayMethod(own, method, known, base?.name ?? "")),
        ...own.staticMethods
          .filter(({ name }) => known.has(name) && contextMethods.has(name) && !this.#mentioned.has(name))
          .map(({ name, line }) => `${this.#at(own, line)}: ${name} is static, and is never called`),
        ...own.methods.flatMap((method) => this.#waitingMethod(own, method, known)),
      ];
    });
  }

  #strayMethod(own: DeclaredClass, method: Method, known: ReadonlySet<string>, base: string): string[] {
    const { name, line } = method;
    if (known.has(name) || this.#mentioned.has(name) || !/^on[A-Z]/.test(name)) return [];
    const at = `${this.#at(own, line)}: ${name} is not a method of ${base}, and is never called`;
    const near = [...known].filter((each) => contextMethods.has(each) && isNear(each, name));
    if (near.length > 0) return [`${at}: did you mean ${near[0]}?`];
    return contextMethods.has(name) ? [at] : [];
  }

  #waitingMethod(own: DeclaredClass, { name, line }: Method, known: ReadonlySet<string>): string[] {
    const calls = AFTER.get(name);
    if (calls === undefined || !known.has(name) || calls.some((call) => this.#mentioned.has(call))) return [];
    return [`${this.#at(own, line)}: ${name} is never called: nothing calls ${calls[0]}`];
  }

  /** Each method of a root that gives the same useless answer always. */
  useless(): readonly string[] {
    return this.#chains.flatMap((chain) => {
      const [own] = chain;
      if (own === undefined || !this.#isRoot(chain)) return [];
      return own.methods.flatMap(({ name, line, always }) => {
        const [word, effect] = USELESS.get(name) ?? [];
        if (word === undefined || always !== word) return [];
        return [`${this.#at(own, line)}: ${name} always returns ${word}: ${effect}`];
      });
    });
  }

  #at({ file }: DeclaredClass, line: number): string {
    return this.#placeOf({ file, line });
  }
}

/** The methods of the contexts that these callbacks serve, without those that a root has too. */
function streamMethods(kind: string): readonly (readonly [method: string, callback: string])[] {
  const from = kind === NETWORK ? NETWORK : STREAM;
  return methodsFrom(from).filter(([method]) => !ROOT_METHODS.has(method));
}

function nameOf({ name }: Method): string {
  return name;
}

function isAt(wanted: number): (method: Method) => boolean {
  return ({ line }) => line === wanted;
}

/** Whether a slip of the pen makes one of the names from the other. */
function isNear(one: string, other: string): boolean {
  return distance(one.toLowerCase(), other.toLowerCase()) <= 2;
}
