// A method that Envoy never calls, because the filter's entry file does not export its callback, is the mistake that shows nowhere else: the
// filter compiles, loads, and does nothing.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** From a method of a context to the callback through which the host calls it. */
const CALLBACKS: Readonly<Record<string, string>> = {
  onRequestHeaders: "proxy_on_request_headers",
  onResponseHeaders: "proxy_on_response_headers",
  onRecycle: "proxy_on_delete",
};

const METHOD = new RegExp(`^\\s+(?:override\\s+)?(${Object.keys(CALLBACKS).join("|")})\\(`);

/**
 * A line for each method in the folder's AssemblyScript files whose callback is not among those exported: `index.ts:12: …`.
 * @param callbacks the module's exported callbacks
 */
export async function silentMethods(
  folder: string,
  callbacks: readonly string[],
): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter(
    (name) => name.endsWith(".ts") && !/\.(spec|test|d)\.ts$/.test(name),
  );
  const found = await Promise.all(
    names.map(async (name) => {
      const lines = (await readFile(path.join(folder, name), "utf8")).split("\n");
      return lines.flatMap((line, i) => {
        const method = METHOD.exec(line)?.[1];
        const callback = method === undefined ? undefined : CALLBACKS[method];
        if (callback === undefined || callbacks.includes(callback)) return [];
        return [
          `${name}:${i + 1}: ${method} is never called: export ${callback} from assembly/exports/stream`,
        ];
      });
    }),
  );
  return found.flat();
}
