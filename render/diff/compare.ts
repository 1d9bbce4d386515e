// Compares what was rendered with what exists.

import { stringify } from "yaml";
import { type NamedResource, type Resource, resourceKey } from "../resource.js";
import type { LiveResource } from "./live.js";
import { plainResource } from "./plain.js";
import { unifiedDiff } from "./unified.js";

/** What a comparison found. */
export interface Difference {
  /** Unified diffs, one after the other; empty where nothing differs. */
  readonly text: string;
  /** One line for each resource that differs, and for those that were not compared. */
  readonly summary: readonly string[];
  readonly differs: boolean;
}

/**
 * Compares each rendered resource with the one of the same kind, namespace and name. Status,
 * managed fields, defaults and the order of keys do not count.
 */
export function compare(rendered: readonly Resource[], live: readonly LiveResource[]): Difference {
  const byKey = new Map(live.map((each) => [resourceKey(each), each]));
  const changes = rendered.flatMap((resource) => changeOf(resource, byKey.get(resourceKey(resource)), live));
  const keys = new Set(rendered.map(resourceKey));
  const others = live.filter((each) => !keys.has(resourceKey(each)));
  return {
    text: changes.map(({ patch }) => patch).join(""),
    summary: [...changes.map(({ line }) => line), ...othersLine(others)],
    differs: changes.length > 0,
  };
}

interface Change {
  readonly line: string;
  readonly patch: string;
}

function changeOf(
  resource: Resource,
  existing: LiveResource | undefined,
  live: readonly LiveResource[],
): readonly Change[] {
  const { apiVersion, kind, metadata, body } = resource;
  const after = textOf({ apiVersion, kind, metadata, ...body });
  // A cluster gives a resource in whichever version of its API it prefers.
  const before = existing === undefined ? "" : textOf({ ...existing, apiVersion });
  if (before === after) return [];
  const name = nameOf(resource);
  const patch = unifiedDiff(`existing ${name}`, `rendered ${name}`, before, after);
  const line = existing === undefined ? `new: ${name}${elsewhere(resource, live)}` : `changed: ${name}`;
  return [{ line, patch }];
}

/** The same name in another namespace is another resource, and often a slip. */
function elsewhere(resource: Resource, live: readonly LiveResource[]): string {
  const twin = live.find((each) => {
    const { namespace } = each.metadata;
    const moved = { ...resource, metadata: { ...resource.metadata, namespace } };
    return namespace !== resource.metadata.namespace && resourceKey(each) === resourceKey(moved);
  });
  return twin === undefined
    ? ""
    : `; one of this name is in namespace ${twin.metadata.namespace ?? "(none)"}`;
}

function othersLine(others: readonly LiveResource[]): readonly string[] {
  if (others.length === 0) return [];
  const shown = others.slice(0, 5).map(nameOf).join(", ");
  const more = others.length > 5 ? ` and ${others.length - 5} more` : "";
  return [`not rendered, and not compared: ${shown}${more}`];
}

function textOf(resource: object): string {
  return stringify(plainResource(resource), { lineWidth: 0, aliasDuplicateObjects: false });
}

function nameOf({ kind, metadata }: NamedResource): string {
  const { name, namespace } = metadata;
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}
