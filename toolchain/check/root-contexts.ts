// How many root contexts a filter registers: with none Envoy refuses every configuration, and of
// several the SDK serves only the first.

import type { Source } from "../compile/source.js";
import type { SourceMap } from "../compile/source-map.js";

/** Anything that may register one: by another name, in a helper, under a condition. */
const MENTION = /\bregisterRootContext\b/;
/** A statement that does. */
const STATEMENT = /^registerRootContext\(/;
const BUNDLE = /^registerBundle\(/;

/** A line for each place at fault; none where one root context is registered. */
export function rootContextFaults({ entry, sdk }: Source, map: SourceMap): readonly string[] {
  // A bundle has one of its own, for those of its filters.
  if (map.find(BUNDLE).length > 0) return [];
  // The SDK's own files declare it.
  const own = (pattern: RegExp) => map.find(pattern).filter(({ source }) => !source.startsWith(sdk));
  if (own(MENTION).length === 0) {
    return [`${entry}: no root context is registered: call registerRootContext at the file's top level`];
  }
  const [, ...more] = own(STATEMENT);
  return more.map(
    ({ source, line }) => `${source}:${line}: a root context is registered already: a filter has one`,
  );
}
