// The filter's configuration as operators write it. It is the twin of `config.ts`, which reads the
// same document inside Envoy.

import { z } from "zod";
import { MAX_PERCENTAGE } from "../../assembly/rules/limits.js";
import { percentage, writtenHeaderName } from "../shared/match-schema.js";
import { explainProperty } from "../shared/rule-schema.js";
import { B3, B3_MULTI, DEFAULT_TRACESTATE_SIZE, MAX_TRACESTATE_SIZE, W3C, X_TRACE_ID } from "./limits.js";

const READ_FORMATS = [W3C, B3, B3_MULTI] as const;
const WRITE_FORMATS = [W3C, B3, B3_MULTI, X_TRACE_ID] as const;

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

/** The configuration of the filter `trace-headers`. Every field may be left out. */
export const traceHeadersSchema = z
  .strictObject({
    accept: formats(READ_FORMATS)
      .optional()
      .describe(
        `Formats to read, in their order of trust: the first that is present and valid decides. Default: ${READ_FORMATS.join(", ")}.`,
      )
      .meta({ default: [...READ_FORMATS] }),
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
    explainProperty: explainProperty.optional(),
  })
  .describe("Configuration of the filter trace-headers.");

export type TraceHeadersConfig = z.infer<typeof traceHeadersSchema>;
