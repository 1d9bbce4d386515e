// What the cost of a request may be. The module's own parsers are `../config.ts` for what the
// request says, and `config.ts` in this folder for what its answer says.

import { z } from "zod";
import { hasKey, has as hasUnder, hasValue, inJsonSchema } from "../../shared/json-schema.js";
import { exactlyOneOf, testedHeaderName, text, whole } from "../../shared/match-schema.js";
import {
  COSTS,
  DEFAULT_COST,
  DEFAULT_JSON_WEIGHT,
  DEFAULT_MAX_COST,
  MAX_ANSWER_STATUS,
  MAX_ANSWER_STATUSES,
  MAX_COST,
  MAX_JSON_KEY_SIZE,
  MAX_JSON_NUMBERS,
  MAX_JSON_PATH,
  MAX_JSON_WEIGHT,
  MIN_ANSWER_STATUS,
  REQUEST_COSTS,
  UNSURE_COSTS,
} from "../limits.js";

const jsonKey = text(1, MAX_JSON_KEY_SIZE).refine(
  inJsonSchema((key: string) => ![...key].some((char) => char < " " || char === '"' || char === "\\"), {
    pattern: '^[^"\\\\\\u0000-\\u001F]*$',
  }),
  "must have no quotes, backslashes and control characters",
);

const jsonPath = z.array(jsonKey).min(1).max(MAX_JSON_PATH);

/** Numbers that are added up, such as the tokens that were read and those that were written. */
const jsonSum = z
  .array(
    z.strictObject({
      path: jsonPath.describe("Keys from the root on."),
      weight: whole(1, MAX_JSON_WEIGHT)
        .optional()
        .describe(`How often the number counts. Default ${DEFAULT_JSON_WEIGHT}.`),
    }),
  )
  .min(1)
  .max(MAX_JSON_NUMBERS);

const UNSURE_ONLY = `'default' and 'max' need one of ${UNSURE_COSTS.join(", ")}`;

/** For `refine` of a cost: a key that stands only beside a source that may be missing. */
function onlyForUnsure(name: string) {
  return inJsonSchema(
    (value: object) => !hasValue(value, name) || UNSURE_COSTS.some((source) => hasValue(value, source)),
    { dependentSchemas: { [name]: { anyOf: UNSURE_COSTS.map((source) => hasKey(source)) } } },
  );
}

const PRICES = COSTS.slice(REQUEST_COSTS);

/** The parts of a rule that a cost of the answer forbids. */
interface Priced {
  readonly cost?: object | undefined;
  readonly global?: object | undefined;
  readonly local?: { readonly lease?: boolean | undefined } | undefined;
}

/**
 * For `refine` of a rule: what it cannot have where only the answer says the cost.
 * @param has whether the rule has it
 * @param fragment the same in JSON Schema
 */
export function notWhenPriced(has: (rule: Priced) => boolean, fragment: Readonly<Record<string, unknown>>) {
  return inJsonSchema(
    (value: Priced) => !PRICES.some((source) => hasValue(value.cost ?? {}, source)) || !has(value),
    {
      if: hasUnder("cost", { anyOf: PRICES.map((source) => hasKey(source)) }),
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { not: fragment },
    },
  );
}

/** What a request costs, and who says so. */
export const cost = z
  .strictObject({
    fixed: whole(0, MAX_COST).optional().describe("Every request has this cost."),
    header: testedHeaderName.optional().describe("The cost is the whole number in this request header."),
    statuses: z
      .array(whole(MIN_ANSWER_STATUS, MAX_ANSWER_STATUS))
      .min(1)
      .max(MAX_ANSWER_STATUSES)
      .optional()
      .describe("An answer with one of these statuses costs 1, any other nothing."),
    responseHeader: testedHeaderName
      .optional()
      .describe("The cost is the whole number in this header of the answer."),
    responseJson: jsonPath
      .optional()
      .describe(
        "The cost is the last whole number under these keys, from the root on, in the answer's JSON or in its server-sent events.",
      ),
    responseJsonSum: jsonSum
      .optional()
      .describe("The cost is the sum of several numbers that are found like that of 'responseJson'."),
    default: whole(0, MAX_COST)
      .optional()
      .describe(`The cost if the source is missing or not a whole number. Default ${DEFAULT_COST}.`),
    max: whole(1, MAX_COST)
      .optional()
      .describe(
        `Highest cost; a higher one is cut down to it. Default ${DEFAULT_MAX_COST} for 'header', ${MAX_COST} for what the answer says.`,
      ),
  })
  .refine(exactlyOneOf(COSTS), `needs exactly one of ${COSTS.join(", ")}`)
  .refine(onlyForUnsure("default"), UNSURE_ONLY)
  .refine(onlyForUnsure("max"), UNSURE_ONLY);
