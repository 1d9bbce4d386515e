// The filter's configuration as operators write it. It is the twin of `config.ts`, which reads the
// same document inside Envoy.

import { z } from "zod";
import { MAX_PERCENTAGE } from "../../assembly/rules/limits.js";
import { has, hasKey, inJsonSchema } from "../shared/json-schema.js";
import { percentage, text, writtenHeaderName } from "../shared/match-schema.js";
import { explainProperty } from "../shared/rule-schema.js";
import { baggageSchema } from "./baggage/schema.js";
import {
  B3,
  B3_MULTI,
  DATADOG,
  DEFAULT_TRACESTATE_SIZE,
  GOOGLE_CLOUD,
  MAX_SKYWALKING_NAME,
  MAX_TRACESTATE_SIZE,
  SKYWALKING,
  W3C,
  X_TRACE_ID,
  XRAY,
} from "./limits.js";

const DEFAULT_FORMATS = [W3C, B3, B3_MULTI] as const;
const READ_FORMATS = [...DEFAULT_FORMATS, XRAY, GOOGLE_CLOUD, DATADOG, SKYWALKING] as const;
const WRITE_FORMATS = [...READ_FORMATS, X_TRACE_ID] as const;

const TRACESTATE_BYTES = `must be a whole number from 0 to ${MAX_TRACESTATE_SIZE}`;

/** A list of names without repetition. */
function formats<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z
    .array(z.enum(names, { error: `must be one of ${names.join(", ")}` }))
    .min(1, "must have at least 1 item")
    .max(names.length, { error: `must have at most ${names.length} items`, abort: true })
    .meta({ uniqueItems: true })
    .superRefine((list, context) => {
      list.forEach((name, i) => {
        if (list.indexOf(name) < i)
          context.addIssue({ code: "custom", path: [i], message: "is listed twice" });
      });
    });
}

/** Names that SkyWalking shows on its map. */
const skywalking = z.strictObject({
  service: text(1, MAX_SKYWALKING_NAME).describe("The service's name in SkyWalking."),
  instance: text(1, MAX_SKYWALKING_NAME)
    .optional()
    .describe("The name of this instance of it. Default: the service's name."),
});

/** Names for `sw8` are of use only where it is written. */
function writesWhatItNames(config: { readonly skywalking?: unknown; readonly write?: unknown }): boolean {
  return (
    config.skywalking === undefined || (Array.isArray(config.write) && config.write.includes(SKYWALKING))
  );
}

const IN_WRITE = {
  anyOf: [{ not: hasKey("skywalking") }, has("write", { type: "array", contains: { const: SKYWALKING } })],
};

/** The configuration of the filter `trace-headers`. Every field may be left out. */
export const traceHeadersSchema = z
  .strictObject({
    accept: formats(READ_FORMATS)
      .optional()
      .describe(
        `Formats to read, in their order of trust: the first that is present and valid decides. Default: ${DEFAULT_FORMATS.join(", ")}.`,
      )
      .meta({ default: [...DEFAULT_FORMATS] }),
    trustIncoming: z
      .boolean("must be true or false")
      .optional()
      .describe(
        "Use false at the edge: trace headers from outside are dropped, and every request starts a trace. Default: true.",
      )
      .meta({ default: true }),
    write: formats(WRITE_FORMATS)
      .optional()
      .describe(
        `Formats to write. Trace headers of a format that is not listed are removed. Default: ${W3C}.`,
      )
      .meta({ default: [W3C] }),
    sampling: percentage
      .optional()
      .describe(
        `Percentage of the traces started here that are sampled, in steps of 0.01. Default: ${MAX_PERCENTAGE}.`,
      )
      .meta({ default: MAX_PERCENTAGE }),
    tracestateMaxBytes: z
      .int(TRACESTATE_BYTES)
      .min(0, TRACESTATE_BYTES)
      .max(MAX_TRACESTATE_SIZE, TRACESTATE_BYTES)
      .optional()
      .describe(
        `Longest tracestate to forward, in bytes; 0 forwards none. Default: ${DEFAULT_TRACESTATE_SIZE}.`,
      )
      .meta({ default: DEFAULT_TRACESTATE_SIZE }),
    responseHeader: writtenHeaderName
      .optional()
      .describe("Response header that gives the trace id to the client, such as x-trace-id. Default: none."),
    skywalking: skywalking
      .optional()
      .describe(
        "Makes sw8 where none came in. Without it only the caller's sw8 is passed on. Default: none.",
      ),
    baggage: baggageSchema
      .optional()
      .describe("Limits W3C baggage; where trustIncoming is false none passes. Default: it passes unread."),
    explainProperty: explainProperty.optional(),
  })
  .refine(inJsonSchema(writesWhatItNames, IN_WRITE), {
    path: ["skywalking"],
    message: `needs '${SKYWALKING}' in 'write'`,
  })
  .describe("Configuration of the filter trace-headers.");

export type TraceHeadersConfig = z.infer<typeof traceHeadersSchema>;
