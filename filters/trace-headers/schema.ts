// The filter's configuration as operators write it: the twin of `config.ts`, which reads the same
// document inside Envoy.

import { z } from "zod";
import { writtenHeaderName } from "../shared/match-schema.js";

const READ_FORMATS = ["w3c", "b3", "b3-multi"] as const;
const WRITE_FORMATS = ["w3c", "b3", "b3-multi", "x-trace-id"] as const;

const PERCENT = "must be a number from 0 to 100";
const TRACESTATE_BYTES = "must be a whole number from 0 to 8192";

/** A list of names, none of them twice. */
function formats<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z
    .array(z.enum(names, { error: `must be one of ${names.join(", ")}` }))
    .min(1, "must have at least 1 item")
    .max(names.length, { error: `must have at most ${names.length} items`, abort: true })
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
        "Formats to read, in their order of trust: the first that is present and valid decides. Default: w3c, b3, b3-multi.",
      )
      .meta({ default: ["w3c", "b3", "b3-multi"] }),
    trustIncoming: z
      .boolean("must be true or false")
      .optional()
      .describe(
        "false at the edge: what comes from outside is dropped and every request starts a trace. Default: true.",
      )
      .meta({ default: true }),
    write: formats(WRITE_FORMATS)
      .optional()
      .describe("Formats to write. Trace headers of a format that is not listed are removed. Default: w3c.")
      .meta({ default: ["w3c"] }),
    sampling: z
      .number(PERCENT)
      .min(0, PERCENT)
      .max(100, PERCENT)
      .refine((percent) => Math.round(percent * 100) / 100 === percent, "must be a multiple of 0.01")
      .optional()
      .describe("Percentage of the traces that start here that are sampled, in steps of 0.01. Default: 100.")
      .meta({ default: 100 }),
    tracestateMaxBytes: z
      .int(TRACESTATE_BYTES)
      .min(0, TRACESTATE_BYTES)
      .max(8192, TRACESTATE_BYTES)
      .optional()
      .describe("Longest tracestate to forward, in bytes; 0 forwards none. Default: 512.")
      .meta({ default: 512 }),
    responseHeader: writtenHeaderName
      .optional()
      .describe("Response header that gives the trace id to the client, such as x-trace-id. Default: none."),
  })
  .describe("Configuration of the filter trace-headers.");

export type TraceHeadersConfig = z.infer<typeof traceHeadersSchema>;
