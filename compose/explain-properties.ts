// The properties in which filters say what they decided about a request, for access logs.

import type { FilterUse } from "./filter-use.js";

/** Access logs show this one always, so that an edit needs no restart. */
const USUAL = "mesh";

/** Envoy's commands for what the filters of both chains decided. */
export function decisionsIn(uses: readonly FilterUse[]): string {
  const named = uses.flatMap(({ descriptor, config }) => descriptor.explainProperties?.(config) ?? []);
  return [...new Set([USUAL, ...named])].map((name) => `%FILTER_STATE(wasm.${name}:PLAIN)%`).join(" ");
}
