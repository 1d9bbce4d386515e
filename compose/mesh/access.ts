// Who may call whom: what a mesh file says of it.

import { z } from "zod";
import { inJsonSchema } from "../../filters/shared/json-schema.js";
import { NAME } from "./names.js";

/** Every caller, whoever it is. */
export const ANYBODY = "*";

const distinct = inJsonSchema((list: readonly string[]) => new Set(list).size === list.length, {
  uniqueItems: true,
});

const ruleSchema = z.strictObject({
  from: z
    .string()
    .regex(
      new RegExp(`^\\*$|${NAME.source}`),
      'must be the name of a service, or gateway, or "*" for every caller',
    )
    .describe('Who calls: a service, gateway, or "*" for all that no other rule of this service names.'),
  methods: z
    .array(z.string().regex(/^[A-Z]{1,20}$/, "must be a method in capitals, such as GET"))
    .min(1, "must name at least one method")
    .refine(distinct, "names a method twice")
    .optional()
    .describe("Default: every method."),
  paths: z
    .array(
      z
        .string()
        .regex(
          /^\/$|^(\/(?!\.\.?(\/|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+)+$/,
          "must be a path such as /orders, without an escape, a query or a / at its end",
        ),
    )
    .min(1, "must name at least one path")
    .refine(distinct, "names a path twice")
    .optional()
    .describe("Each is that path and everything below it. Default: every path."),
  dryRun: z
    .boolean()
    .optional()
    .describe("Whether the rule is only counted, and decides nothing. Default false."),
});

export const accessRulesSchema = z.array(ruleSchema).min(1, "must have at least one rule");

export const accessSchema = z.strictObject({
  denyByDefault: z
    .boolean()
    .optional()
    .describe("Whether a call that no rule is about is refused. Default false."),
  dryRun: z
    .boolean()
    .optional()
    .describe("Whether every rule, and the default, is only counted and refuses nothing. Default false."),
});

export type AccessRule = z.output<typeof ruleSchema>;

/** The part of a service that is about who may call it. */
export interface AccessedService {
  readonly allow?: readonly AccessRule[] | undefined;
  readonly deny?: readonly AccessRule[] | undefined;
}

/** The part of a mesh file that is about who may call whom. */
export interface AccessedMesh {
  readonly access?: z.output<typeof accessSchema> | undefined;
  readonly services: Readonly<Record<string, AccessedService>>;
}

/** Whether calls of the service are looked at. */
export function hasAccessRules({ access, services }: AccessedMesh, service: string): boolean {
  const { allow, deny } = services[service] ?? {};
  return access?.denyByDefault === true || allow !== undefined || deny !== undefined;
}
