// Claims of tokens in a filter's configuration. The module's own parser is
// `assembly/rules/claim-config.ts`.

import { z } from "zod";
import {
  JWT_NAMESPACE,
  MAX_CLAIM_DEPTH,
  MAX_MEMBERS,
  MAX_NAME_SIZE,
  MAX_TEXT_SIZE,
} from "../../assembly/rules/limits.js";
import { inJsonSchema } from "./json-schema.js";
import { text } from "./text-schema.js";

/** A word of the path to a value in Envoy's metadata. */
export const word = text(1, MAX_NAME_SIZE).refine(
  inJsonSchema((value: string) => !value.includes("\0"), { pattern: "^[^\\u0000]*$" }),
  "must not have a NUL",
);

const place = {
  payload: word.describe("`payload_in_metadata` of the filter envoy.filters.http.jwt_authn."),
  claim: z.array(word).min(1).max(MAX_CLAIM_DEPTH).describe("The path to the claim: [sub], [org, id]."),
  namespace: word.optional().describe(`Namespace of the metadata. Default ${JWT_NAMESPACE}.`),
};

/** A claim that identifies a request. */
export const claim = z.strictObject(place);

const scalar = z.union([text(0, MAX_TEXT_SIZE), z.number(), z.boolean(), z.null()], {
  error: "must be a text, a number, true, false or null",
});

/** What tests of claims have in place of the fields of other tests. */
export const claimTests = {
  ...place,
  exact: scalar.optional().describe("The claim is this, in type and value: 8 is not the text '8'."),
  oneOf: z.array(scalar).min(1).max(MAX_MEMBERS).optional().describe("The claim is one of these."),
};
