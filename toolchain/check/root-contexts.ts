// Counts the root contexts that a filter registers. With none, Envoy refuses every configuration;
// with several, the SDK serves only the first.

import type { Source } from "../compile/source.js";
import { placeOf } from "./silent-methods.js";
import type { SourceTree } from "./source-tree.js";
import type { FunctionCall } from "./uses.js";

const REGISTER = "registerRootContext";

/**
 * A line for each faulty place; none where a root context is registered. A call in a function
 * counts, because only a start shows whether it is made.
 * @param named root contexts have names, so that there may be several
 */
export function rootContextFaults(tree: SourceTree, source: Source, named: boolean): readonly string[] {
  const calls = tree.filesBesideSdk().flatMap((file) =>
    tree
      .parsed(file)
      .uses.calls.filter(registers)
      .map((call) => ({ ...call, file })),
  );
  if (calls.length === 0) {
    return [
      `${source.entry}: no root context is registered: call registerRootContext at the file's top level`,
    ];
  }
  const [, ...more] = calls.filter(({ atTopLevel }) => atTopLevel);
  if (named) return [];
  return more.map(
    (call) => `${placeOf(source, call)}: a root context is already registered: a filter has one`,
  );
}

/** Whether a call names the SDK's function, by any of the names that an import may give it. */
function registers({ names: [first = "", ...rest], scope }: FunctionCall): boolean {
  for (let each: typeof scope | undefined = scope; each !== undefined; each = each.outer) {
    const binding = each.names.get(first);
    if (binding === undefined) continue;
    return binding.kind === "import" && (binding.name ?? rest[0]) === REGISTER;
  }
  return false;
}
