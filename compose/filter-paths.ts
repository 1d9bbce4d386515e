// On which paths a filter runs. A filter without rules of this kind runs on all of them. Pure.

import { disabledByDefault, enabledFilter, type FilterConfigs } from "../envoy/config/filter-by-route.js";
import type { HttpFilter } from "../envoy/config/http-filter.js";
import type { TypedConfig } from "../envoy/config/typed-config.js";

/** Paths, and whether the filter runs on them. */
export interface PathRule {
  readonly prefix: string;
  readonly disabled?: boolean | undefined;
}

/** Where something runs. */
export interface OnPaths {
  /** Of the rules that match a path, that with the longest prefix decides. Default: everywhere. */
  readonly paths?: readonly PathRule[] | undefined;
}

/** A filter by its name in a chain. */
export interface NamedEntry extends OnPaths {
  readonly name: string;
  /** What the routes on which it runs have for it. Default: nothing. */
  readonly routeConfig?: TypedConfig | undefined;
}

/**
 * Whether it runs on the paths that begin with `prefix`, and with no longer prefix of a rule. On a
 * path without a rule it does not run.
 */
export function runsAt({ paths }: OnPaths, prefix: string): boolean {
  if (paths === undefined) return true;
  const matching = paths.filter((rule) => prefix.startsWith(rule.prefix));
  const longest = Math.max(0, ...matching.map((rule) => rule.prefix.length));
  const rule = matching.find((each) => each.prefix.length === longest);
  return rule !== undefined && rule.disabled !== true;
}

/**
 * The prefixes at which any of these begins or ceases to run, the longest first: the first that
 * matches a path says what runs there. The last is `within`.
 * @param within only paths that begin with this
 */
export function pathParts(all: readonly OnPaths[], within = "/"): readonly string[] {
  const prefixes = all.flatMap(({ paths = [] }) => paths.map(({ prefix }) => prefix));
  const inside = [...new Set(prefixes)].filter((each) => each.startsWith(within) && each !== within);
  const parts = [...inside.toSorted((a, b) => b.length - a.length || (a < b ? -1 : 1)), within];
  const running = (prefix: string) => all.map((each) => runsAt(each, prefix)).join();
  // A part in which the same filters run as around it needs no route of its own.
  return parts.filter((prefix, i) => {
    const around = parts.slice(i + 1).find((each) => prefix.startsWith(each));
    return around === undefined || running(around) !== running(prefix);
  });
}

/** The first prefix, of those that `pathParts` finds, at which both run. */
export function firstCommonPath(one: OnPaths, other: OnPaths): string | undefined {
  return pathParts([one, other])
    .toReversed()
    .find((prefix) => runsAt(one, prefix) && runsAt(other, prefix));
}

/** What the routes of a part of the paths have for the filters that only some paths have. */
export function configsAt(entries: readonly NamedEntry[], prefix: string): FilterConfigs {
  const running = entries.filter((entry) => entry.paths !== undefined && runsAt(entry, prefix));
  return Object.fromEntries(running.map(({ name, routeConfig }) => [name, enabledFilter(routeConfig)]));
}

/** The entry of a chain for a filter that runs on these paths. */
export function entryOnPaths(entry: HttpFilter, { paths }: OnPaths): HttpFilter {
  return paths === undefined ? entry : disabledByDefault(entry);
}

/** Where a filter runs, in words that follow what it is; empty where it runs everywhere. */
export function describeRoutes(
  rules: readonly {
    readonly prefix?: string | undefined;
    readonly name?: string | undefined;
    readonly disabled?: boolean | undefined;
  }[] = [],
): string {
  const words = (isMeant: (disabled: boolean) => boolean) =>
    rules
      .filter(({ disabled = false }) => isMeant(disabled))
      .map(({ prefix, name }) => prefix ?? `the route ${name}`)
      .join(", ");
  const [on, off] = [words((disabled) => !disabled), words((disabled) => disabled)];
  return `${on === "" ? "" : ` on ${on}`}${off === "" ? "" : `, not on ${off}`}`;
}
