// A method that Envoy never calls, because the filter's entry file does not export its callback, is
// the mistake that shows nowhere else: the filter compiles, loads, and does nothing.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { DESCRIPTIONS } from "../package/own-descriptor.js";

/** The files of the SDK that a filter's entry file exports its callbacks from. */
export const PLUGIN = "exports/plugin";
export const STREAM = "exports/stream";
export const STATELESS = "exports/stateless";
export const NETWORK = "exports/network";
export const CALLS = "exports/calls";
/** Of filters that were written for `@solo-io/proxy-runtime`. */
export const COMPATIBLE = "proxy-runtime/exports";

/**
 * From a method of a context to the callback through which the host calls it, and the file to
 * export that from.
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

/** The callbacks to export from that file. */
export function callbacksFrom(file: string): readonly string[] {
  return Object.values(CALLBACKS).flatMap(([callback, from]) => (from === file ? [callback] : []));
}

const METHOD = new RegExp(`^\\s+(?:override\\s+)?(${Object.keys(CALLBACKS).join("|")})\\((?!.*;$)`);
const SHARED_CONTEXT = /^\s+(?:override\s+)?shared(?:Http)?Context\(/m;

/**
 * A line for each method in the folder's AssemblyScript files whose callback is not among those
 * exported: `index.ts:12: …`.
 * @param callbacks the module's exported callbacks
 * @param callbackFiles the files of the SDK that these come from
 * @param sdk how the SDK is named in imports, with a slash behind it
 */
export async function silentMethods(
  folder: string,
  callbacks: readonly string[],
  callbackFiles: ReadonlySet<string>,
  sdk: string,
): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter(
    (name) => name.endsWith(".ts") && !/\.(spec|test|d)\.ts$/.test(name) && !DESCRIPTIONS.includes(name),
  );
  const sources = await Promise.all(
    names.map(async (name) => ({ name, text: await readFile(path.join(folder, name), "utf8") })),
  );
  const isStateless = callbackFiles.has(STATELESS);
  const silent = sources.flatMap(({ name, text }) =>
    silentIn(text, callbacks, isStateless).map(
      ({ line, method, callback, file }) =>
        `${name}:${line}: ${method} is never called: export ${callback} from ${sdk}${file}`,
    ),
  );
  if (!isStateless || sources.some(({ text }) => SHARED_CONTEXT.test(text))) return silent;
  return [
    ...silent,
    `no root context has sharedHttpContext, which the callbacks of ${sdk}${STATELESS} ask for`,
  ];
}

interface SilentMethod {
  readonly line: number;
  readonly method: string;
  readonly callback: string;
  readonly file: string;
}

function silentIn(text: string, callbacks: readonly string[], isStateless: boolean): SilentMethod[] {
  return text.split("\n").flatMap((line, i) => {
    const method = METHOD.exec(line)?.[1];
    const [callback, from] = (method === undefined ? undefined : CALLBACKS[method]) ?? [];
    if (method === undefined || callback === undefined || from === undefined) return [];
    if (callbacks.includes(callback)) return [];
    const file = from === STREAM && isStateless ? STATELESS : from;
    return [{ line: i + 1, method, callback, file }];
  });
}
