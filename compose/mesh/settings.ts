// Describes a filter's settings in one line for a person. Pure.

import type { Json } from "../../envoy/config/json.js";
import type { FilterUse } from "../filter-use.js";

const MAX_LENGTH = 100;

/** The rules that the filter describes, each with its effect; otherwise its settings. */
export function describeSettings({ descriptor, config }: FilterUse): string {
  const rules = descriptor.describe?.(config);
  if (rules === undefined) return describeKeys(config);
  return rules.length === 0 ? "no rules" : rules.join(", ");
}

function describeKeys(config: Json): string {
  const text = Object.entries(config ?? {})
    .map(([key, value]) => `${key} ${Array.isArray(value) ? value.join("+") : JSON.stringify(value)}`)
    .join(", ");
  if (text === "") return "defaults";
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text;
}
