// Finds methods that Envoy never calls because the filter's entry file does not export their
// callbacks. No other check finds this mistake: the filter compiles, loads, and does nothing.

import path from "node:path";
import type { Source } from "../compile/source.js";
import type { DeclaredClass } from "./declarations.js";
import { SourceTree } from "./source-tree.js";

/** The files of the SDK that a filter's entry file exports its callbacks from. */
export const PLUGIN = "exports/plugin";
export const STREAM = "exports/stream";
export const STATELESS = "exports/stateless";
export const NETWORK = "exports/network";
export const CALLS = "exports/calls";
/** The file for filters that were written for `@solo-io/proxy-runtime`. */
export const COMPATIBLE = "proxy-runtime/exports";

/**
 * For each method of a context, the callback by which the host calls it, and the file that exports
 * the callback.
 */
const CALLBACKS: Readonly<Record<string, readonly [callback: string, file: string]>> = {
  onStart: ["proxy_on_vm_start", PLUGIN],
  onConfigure: ["proxy_on_configure", PLUGIN],
  onTick: ["proxy_on_tick", PLUGIN],
  onQueueReady: ["proxy_on_queue_ready", PLUGIN],
  onForeignFunction: ["proxy_on_foreign_function", PLUGIN],
  onRequestHeaders: ["proxy_on_request_headers", STREAM],
  onRequestBody: ["proxy_on_request_body", STREAM],
  onRequestTrailers: ["proxy_on_request_trailers", STREAM],
  onResponseHeaders: ["proxy_on_response_headers", STREAM],
  onResponseBody: ["proxy_on_response_body", STREAM],
  onResponseTrailers: ["proxy_on_response_trailers", STREAM],
  onDone: ["proxy_on_done", STREAM],
  onLog: ["proxy_on_log", STREAM],
  onRecycle: ["proxy_on_delete", STREAM],
  onNewConnection: ["proxy_on_new_connection", NETWORK],
  onDownstreamData: ["proxy_on_downstream_data", NETWORK],
  onUpstreamData: ["proxy_on_upstream_data", NETWORK],
  onDownstreamClose: ["proxy_on_downstream_connection_close", NETWORK],
  onUpstreamClose: ["proxy_on_upstream_connection_close", NETWORK],
  onDelete: ["proxy_on_delete", NETWORK],
};

/** The methods of contexts that the host calls. */
export const contextMethods: ReadonlySet<string> = new Set(Object.keys(CALLBACKS));

/** The callbacks to export from that file. */
export function callbacksFrom(file: string): readonly string[] {
  return methodsFrom(file).map(([, callback]) => callback);
}

/** The methods whose callbacks that file exports, with them. */
export function methodsFrom(file: string): readonly (readonly [method: string, callback: string])[] {
  return Object.entries(CALLBACKS).flatMap(([method, [callback, from]]) =>
    from === file ? [[method, callback]] : [],
  );
}

/**
 * The method of the root context that the callbacks of `exports/stateless` need, and the one that
 * `FilterRoot` needs instead.
 */
const SHARED_CONTEXTS: readonly string[] = ["sharedHttpContext", "sharedContext"];

/** The callbacks of a module, and where they come from. */
export interface ExportedCallbacks {
  /** The module's exported callbacks, by their ABI names. */
  readonly callbacks: readonly string[];
  /** The files of the SDK from which they come. */
  readonly files: ReadonlySet<string>;
}

/**
 * A line for each method of the filter's contexts whose callback is not exported: `index.ts:12: …`,
 * relative to the entry file's folder. Only methods that override one of the SDK's contexts count.
 */
export async function silentMethods(
  source: Source,
  { callbacks, files }: ExportedCallbacks,
  known?: SourceTree,
): Promise<readonly string[]> {
  const tree = known ?? (await SourceTree.of(source));
  const chains = tree.ownClasses().map((own) => tree.chainOf(own));
  const implemented = chains.flatMap((chain) => implementations(tree, chain));
  const isStateless = files.has(STATELESS);
  const lines = implemented.flatMap(({ where, method, what }) => {
    const [callback, from] = CALLBACKS[method] ?? [];
    if (callback === undefined || from === undefined || callbacks.includes(callback)) return [];
    const file = from === STREAM && isStateless ? STATELESS : from;
    return [
      `${placeOf(source, where)}: ${what} is never called: export ${callback} from ${source.sdk}${file}`,
    ];
  });
  const isShared = implemented.some(({ method, isOwn }) => isOwn && SHARED_CONTEXTS.includes(method));
  if (isStateless && !isShared) {
    lines.push(
      `no root context has sharedHttpContext, which the callbacks of ${source.sdk}${STATELESS} need`,
    );
  }
  return [...new Set(lines)];
}

/** A place, relative to the entry file's folder: `index.ts:12`. */
export function placeOf(
  { root, entry }: Source,
  { file, line }: { readonly file: string; readonly line: number },
): string {
  return `${path.relative(path.dirname(path.join(root, entry)), file)}:${line}`;
}

export interface Implementation {
  readonly method: string;
  readonly where: { readonly file: string; readonly line: number };
  /** False for a method of the SDK. */
  readonly isOwn: boolean;
  /** The method's name in a sentence. */
  readonly what: string;
}

/**
 * The methods by which a class, or one of its bases, overrides those of the SDK's context at the
 * end of its chain. A method that is not the author's is reported at the class that extends it.
 * Methods of the layer for `@solo-io/proxy-runtime` itself need no callback.
 */
export function implementations(
  tree: SourceTree,
  chain: readonly DeclaredClass[],
): readonly Implementation[] {
  const [own] = chain;
  if (own === undefined) return [];
  return [...Object.keys(CALLBACKS), ...SHARED_CONTEXTS].flatMap((method) => {
    const having = chain.filter(({ methods }) => methods.some(({ name }) => name === method));
    const origin = having.pop();
    if (origin === undefined || !tree.isOfSdk(origin.file)) return [];
    return having.flatMap((each): readonly Implementation[] => {
      const found = each.methods.find(({ name, hasBody }) => name === method && hasBody);
      if (found === undefined || tree.isOf("proxy-runtime", each.file)) return [];
      return tree.isOfSdk(each.file)
        ? [{ method, where: own, isOwn: false, what: `${method} of ${each.name}` }]
        : [{ method, where: { file: each.file, line: found.line }, isOwn: true, what: method }];
    });
  });
}
