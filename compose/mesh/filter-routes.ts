// `routes` of a filter in a mesh file: on which of the requests at its place it runs.

import { z } from "zod";
import { exactlyOneOf } from "../../filters/shared/match-schema.js";
import { type PathRule, runsAt } from "../filter-paths.js";
import type { FilterUse } from "../filter-use.js";
import { pathPrefixSchema } from "../path-prefix.js";

const MAX_RULES = 100;

const ruleSchema = z
  .strictObject({
    prefix: pathPrefixSchema
      .optional()
      .describe("Paths that begin with this. Of several prefixes, the longest decides."),
    name: z
      .string()
      .min(1, "must not be empty")
      .optional()
      .describe("The paths of the gateway's route of this name, at the gateway alone."),
    disabled: z
      .boolean()
      .optional()
      .describe("True: the filter does not run there, although a shorter prefix has it. Default false."),
  })
  .refine(exactlyOneOf(["prefix", "name"]), "needs exactly one of prefix, name");

export const filterRoutesSchema = z
  .array(ruleSchema)
  .min(1, "must name at least one route; without this key the filter runs on all of them")
  .max(MAX_RULES, `must have at most ${MAX_RULES} routes`)
  .refine(
    (rules) => rules.length === 0 || rules.some(({ disabled }) => disabled !== true),
    "names no route on which the filter runs; begin with { prefix: / }",
  )
  .describe(
    "The requests that enter the filter; others do not pay for it. Default: all requests at its place.",
  );

/** One entry of `routes`. */
export type RouteRule = z.output<typeof ruleSchema>;

/** A route of the gateway. */
export interface GatewayRoute {
  readonly name?: string | undefined;
  readonly prefix: string;
  readonly service: string;
  readonly timeout?: string | undefined;
}

/** A filter of a mesh file. */
export interface MeshUse extends FilterUse {
  readonly routes?: readonly RouteRule[] | undefined;
}

/** The name of a gateway's route: its own, or that of the service it leads to. */
export function routeName({ name, service }: GatewayRoute): string {
  return name ?? service;
}

/** The filter with the paths that its `routes` mean. */
export function onItsPaths(use: MeshUse, gateway: readonly GatewayRoute[]): FilterUse {
  const { routes, ...rest } = use;
  return routes === undefined ? use : { ...rest, paths: pathsOf(routes, gateway) };
}

function pathsOf(rules: readonly RouteRule[], gateway: readonly GatewayRoute[]): readonly PathRule[] {
  const byPrefix = rules.flatMap(({ prefix, disabled }) =>
    prefix === undefined ? [] : [{ prefix, disabled }],
  );
  const named = rules.flatMap(({ name, disabled }) =>
    gateway
      .filter((route) => routeName(route) === name)
      .map(({ prefix }): PathRule => ({ prefix, disabled })),
  );
  const said = new Set([...byPrefix, ...named].map(({ prefix }) => prefix));
  // The name of a route does not mean the longer paths that an earlier route takes.
  const others = gateway
    .filter(({ prefix }) => !said.has(prefix) && named.some((rule) => prefix.startsWith(rule.prefix)))
    .map(({ prefix }): PathRule => ({ prefix, disabled: !runsAt({ paths: byPrefix }, prefix) }));
  return [...byPrefix, ...named, ...others];
}
