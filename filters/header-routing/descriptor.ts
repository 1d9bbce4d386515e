// What the toolkit knows about header-routing beside its module.

import { defineFilter, explainPropertyOf, type NamedPlace, type TriedRequest } from "../descriptor.js";
import { DEFAULT_REDIRECT_STATUS, DESTINATION_HEADER } from "./limits.js";
import { type HeaderRoutingConfig, headerRoutingSchema } from "./schema.js";

type Rule = HeaderRoutingConfig["rules"][number];

export default defineFilter({
  name: "header-routing",
  summary:
    "chooses a destination by whatever a request has or by a sticky split; rewrites, edits headers, copies, redirects, answers",
  schema: headerRoutingSchema,
  metricLabels: ["rule", "destination"],
  explainProperties: (config) => explainPropertyOf(config),
  destinations: ({ rules }) => rules.flatMap(destinationsOf),
  destinationHeader: headerOf,
  mirrors: ({ rules }) => rules.flatMap(mirrorsOf),
  // If the header differed from the one that the routes match, every request would go to the
  // fallback. The routes know those mirrors alone that the settings name at the start.
  restartKeys: (config) => ({
    destinationHeader: headerOf(config),
    mirror: [...new Set(config.rules.flatMap(mirrorsOf).map(({ name }) => name))].sort().join(", "),
  }),
  describe: ({ rules }) => rules.map(describeRule),
  tries: ({ rules }) => rules.flatMap((rule) => tryOf(rule) ?? []),
});

function headerOf({ destinationHeader = DESTINATION_HEADER }: HeaderRoutingConfig): string {
  return destinationHeader;
}

/** A rule in shadow mode sends nothing anywhere, so a destination of its own need not exist yet. */
function destinationsOf({ destination, split, shadow }: Rule, i: number): NamedPlace[] {
  if (shadow === true) return [];
  return [
    ...(destination === undefined ? [] : [{ name: destination, path: ["rules", i, "destination"] }]),
    ...(split?.destinations ?? []).map(({ name }, j) => ({
      name,
      path: ["rules", i, "split", "destinations", j, "name"],
    })),
    ...(split?.pins ?? []).map((pin, j) => ({
      name: pin.destination,
      path: ["rules", i, "split", "pins", j, "destination"],
    })),
  ];
}

function mirrorsOf({ mirror, split, shadow }: Rule, i: number): NamedPlace[] {
  if (shadow === true) return [];
  return [
    ...(mirror === undefined ? [] : [{ name: mirror, path: ["rules", i, "mirror"] }]),
    ...(split?.destinations ?? []).flatMap((entry, j) =>
      entry.mirror === undefined
        ? []
        : [{ name: entry.mirror, path: ["rules", i, "split", "destinations", j, "mirror"] }],
    ),
  ];
}

function describeRule({ name, destination, split, redirect, answer, shadow }: Rule): string {
  const shares = split?.destinations.map((entry) => `${entry.name} ${entry.weight}`).join(" / ");
  const { status = DEFAULT_REDIRECT_STATUS } = redirect ?? {};
  const reply = redirect === undefined ? `answer ${answer?.status}` : `redirect ${status}`;
  return `${name} → ${destination ?? shares ?? reply}${shadow === true ? " (shadow)" : ""}`;
}

/** A request that the rule takes, if its match is simple enough to derive one. */
function tryOf({ match, split, shadow }: Rule): TriedRequest | undefined {
  if (shadow === true) return undefined;
  const { path, headers = [], cookies = [], ...others } = match ?? {};
  if (Object.keys(others).length > 0) return undefined;
  if (path?.suffix !== undefined || path?.regex !== undefined) return undefined;
  if ([...headers, ...cookies].some((test) => test.exact === undefined || test.invert === true))
    return undefined;
  const key = split?.key?.header;
  const where = path?.exact ?? path?.prefix ?? path?.segments;
  return {
    ...(where === undefined ? {} : { path: where }),
    headers: [...headers.map(pairOf), ...(key === undefined ? [] : [[key, "user-1"] as const])],
    cookies: cookies.map(pairOf),
  };
}

function pairOf({ name, exact = "" }: { readonly name: string; readonly exact?: string | undefined }) {
  return [name, exact] as const;
}
