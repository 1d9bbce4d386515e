// What a rule may do beside choosing a destination, or in its place. The module's own parser is
// `config.ts` beside this file.

import { z } from "zod";
import { has, inJsonSchema } from "../../shared/json-schema.js";
import {
  atLeastOneOf,
  atMostOneOf,
  noneOf,
  replyHeaderName,
  text,
  whole,
  writtenHeaderName,
} from "../../shared/match-schema.js";
import { contentType, headerValue, replyBody, replyHeaders } from "../../shared/reply-schema.js";
import { haveNamesOfTheirOwn, label } from "../../shared/rule-schema.js";
import {
  ACTIONS,
  BODILESS,
  DEFAULT_REDIRECT_STATUS,
  EDITS,
  MAX_EDITS,
  MAX_GRPC_STATUS,
  MAX_HOST_SIZE,
  MAX_PATH_SIZE,
  MAX_PORT,
  MAX_STATUS,
  MIN_STATUS,
  MIRROR_HEADER,
  ORIGINAL_PATH_HEADER,
  PATH_CHANGES,
  REDIRECT_STATUSES,
  REDIRECTS,
  REWRITES,
  SCHEMES,
} from "../limits.js";

/** What the message says of a header that is the filter's own. */
const IS_OWN = "is written by this filter, which first removes what a client sent";
/** Headers that the filter itself writes into requests, beside the destination's. */
export const OWN_HEADERS: readonly string[] = [MIRROR_HEADER, ORIGINAL_PATH_HEADER];

const path = text(1, MAX_PATH_SIZE).refine(
  inJsonSchema((value: string) => /^\/[!-~]*$/.test(value) && !/[?#\\]|\/\/|\/\.\.?(\/|$)/.test(value), {
    pattern: "^/[!-~]*$",
  }),
  "must begin with '/', be printable ASCII, and have no '//', '.', '..', '?', '#' or '\\'",
);

const HOST = String.raw`([A-Za-z0-9._-]+|\[[0-9A-Fa-f.:]+\])`;
const WITH_PORT = `^${HOST}(:[0-9]{1,5})?$`;

const hostOf = (pattern: string, message: string) =>
  text(1, MAX_HOST_SIZE).refine(
    inJsonSchema((value: string) => new RegExp(pattern).test(value), { pattern }),
    message,
  );

const atMostOnePath = `must have at most one of ${PATH_CHANGES.join(", ")}`;

const rewrite = z
  .strictObject({
    path: path.optional().describe("The whole path becomes this. The query stays."),
    prefix: path
      .optional()
      .describe("What `match.path.segments` of the rule names becomes this. What follows stays."),
    host: hostOf(WITH_PORT, "must be a host, with a port or without")
      .optional()
      .describe("`:authority` becomes this."),
  })
  .refine(atLeastOneOf(REWRITES), `needs at least one of ${REWRITES.join(", ")}`)
  .refine(atMostOneOf(PATH_CHANGES), atMostOnePath);

const pairs = (name: z.ZodType<string>) =>
  z.array(
    z.strictObject({
      name: name.describe("The header's name, lower case."),
      value: headerValue.describe("Its value."),
    }),
  );

const edits = (name: z.ZodType<string>, removed: z.ZodType<string>) =>
  z
    .strictObject({
      remove: z.array(removed).min(1).max(MAX_EDITS).optional().describe("Every header of these names goes."),
      set: pairs(name)
        .min(1)
        .max(MAX_EDITS)
        .refine(haveNamesOfTheirOwn, "name a header twice")
        .optional()
        .describe("In place of every header of the name."),
      add: pairs(name).min(1).max(MAX_EDITS).optional().describe("Beside the headers of the name."),
    })
    .refine(atLeastOneOf(EDITS), `needs at least one of ${EDITS.join(", ")}`);

const notOwn = noneOf(OWN_HEADERS);

/** What a rule, or one destination of a split, does to its requests. */
export const actions = {
  rewrite: rewrite.optional().describe("Another path or host, for Envoy's routes too."),
  requestHeaders: edits(writtenHeaderName.refine(notOwn, IS_OWN), replyHeaderName.refine(notOwn, IS_OWN))
    .optional()
    .describe("Headers of the request that are removed, then set, then added."),
  responseHeaders: edits(replyHeaderName, replyHeaderName).optional().describe("The same for the response."),
  mirror: label
    .optional()
    .describe(`Who gets a copy of the request: what ${MIRROR_HEADER} says to Envoy's routes.`),
} as const;

export const redirect = z
  .strictObject({
    status: whole(0, MAX_STATUS)
      .refine(
        inJsonSchema((value: number) => REDIRECT_STATUSES.includes(value), { enum: REDIRECT_STATUSES }),
        `must be one of ${REDIRECT_STATUSES.join(", ")}`,
      )
      .optional()
      .describe(`HTTP status. Default ${DEFAULT_REDIRECT_STATUS}.`),
    scheme: z.enum(SCHEMES).optional().describe("Default: the request's."),
    host: hostOf(`^${HOST}$`, "must be a host without a port").optional().describe("Default: the request's."),
    port: whole(1, MAX_PORT).optional().describe("Default: the scheme's."),
    path: path.optional().describe("The whole path becomes this. The query stays."),
    prefix: path
      .optional()
      .describe("What `match.path.segments` of the rule names becomes this. What follows stays."),
    stripQuery: z.boolean().optional().describe("Leaves the query out. Default false."),
  })
  .refine(atLeastOneOf(REDIRECTS), `needs at least one of ${REDIRECTS.join(", ")}`)
  .refine(atMostOneOf(PATH_CHANGES), atMostOnePath);

export const answer = z
  .strictObject({
    status: whole(MIN_STATUS, MAX_STATUS).describe("HTTP status."),
    body: replyBody.optional().describe("The body, and the message of a gRPC status. Default: empty."),
    contentType: contentType.optional().describe("Type of the body. Default text/plain."),
    headers: replyHeaders.optional().describe("Further headers."),
    grpcStatus: whole(0, MAX_GRPC_STATUS)
      .optional()
      .describe("Status for gRPC clients. Default: the one that they derive from `status`."),
  })
  .refine(
    inJsonSchema(
      (value: { readonly status: number; readonly body?: string | undefined }) =>
        !value.body || !BODILESS.includes(value.status),
      {
        if: has("status", { enum: BODILESS }),
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { properties: { body: { const: "" } } },
      },
    ),
    { path: ["body"], error: "must be empty: a response of that status has no body" },
  );

interface Edits {
  readonly remove?: readonly string[] | undefined;
  readonly set?: readonly { readonly name: string }[] | undefined;
  readonly add?: readonly { readonly name: string }[] | undefined;
}

interface WithActions {
  readonly rewrite?: { readonly prefix?: string | undefined } | undefined;
  readonly requestHeaders?: Edits | undefined;
}

interface RuleWithActions extends WithActions {
  readonly match?: { readonly path?: { readonly segments?: string | undefined } | undefined } | undefined;
  readonly split?: { readonly destinations: readonly WithActions[] } | undefined;
  readonly redirect?: { readonly prefix?: string | undefined } | undefined;
  readonly answer?: object | undefined;
}

type Path = readonly PropertyKey[];

/** The rule, and each destination of its split, with their paths. */
function placesIn(rule: RuleWithActions): readonly (readonly [Path, WithActions])[] {
  const shares = rule.split?.destinations ?? [];
  return [[[], rule], ...shares.map((share, i) => [["split", "destinations", i], share] as const)];
}

/** For `superRefine` of a rule. */
export function checkActions(rule: RuleWithActions, context: z.RefinementCtx): void {
  const fault = (path: Path, message: string) =>
    context.addIssue({ code: "custom", path: [...path], message });
  if (rule.redirect !== undefined || rule.answer !== undefined) {
    const without = ACTIONS.filter((action) => Object.hasOwn(rule, action));
    for (const action of without) fault([action], "needs 'destination' or 'split'");
  }
  if (rule.match?.path?.segments !== undefined) return;
  const message = "needs 'match.path.segments', which it replaces";
  if (rule.redirect?.prefix !== undefined) fault(["redirect", "prefix"], message);
  for (const [path, { rewrite }] of placesIn(rule)) {
    if (rewrite?.prefix !== undefined) fault([...path, "rewrite", "prefix"], message);
  }
}

/** For `superRefine` of a configuration: no rule edits the header that names the destination. */
export function checkEditsOf(own: string, rules: readonly RuleWithActions[], context: z.RefinementCtx): void {
  rules.forEach((rule, i) => {
    for (const [path, { requestHeaders }] of placesIn(rule)) {
      for (const place of placesOf(own, requestHeaders ?? {})) {
        const at = ["rules", i, ...path, "requestHeaders", ...place];
        context.addIssue({ code: "custom", path: at, message: IS_OWN });
      }
    }
  });
}

function placesOf(name: string, { remove = [], set = [], add = [] }: Edits): readonly Path[] {
  const named = { set, add };
  return [
    ...remove.flatMap((each, i) => (each === name ? [["remove", i]] : [])),
    ...Object.entries(named).flatMap(([key, list]) =>
      list.flatMap((entry, i) => (entry.name === name ? [[key, i, "name"]] : [])),
    ),
  ];
}
