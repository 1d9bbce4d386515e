// Counts the root contexts that a filter registers. With none, Envoy refuses every configuration;
// with several, the SDK serves only the first.

import type { Source } from "../compile/source.js";
import type { SourceMap } from "../compile/source-map.js";

/** Any code that may register one: by another name, in a helper, under a condition. */
const MENTION = /\bregisterRootContext\b/;
/** A statement that registers one. */
const STATEMENT = /^registerRootContext\(/;
const BUNDLE = /^registerBundle\(/;

/** A line for each faulty place; none where exactly one root context is registered. */
export function rootContextFaults({ entry, sdk }: Source, map: SourceMap): readonly string[] {
  // A bundle registers one, which holds those of its filters.
  if (map.find(BUNDLE).length > 0) return [];
  // The SDK's own files declare it.
  const own = (pattern: RegExp) => map.find(pattern).filter(({ source }) => !source.startsWith(sdk));
  if (own(MENTION).length === 0) {
    return [`${entry}: no root context is registered: call registerRootContext at the file's top level`];
  }
  const [, ...more] = own(STATEMENT);
  return more.map(
    ({ source, line }) => `${source}:${line}: a root context is already registered: a filter has one`,
  );
}
