// The filter's configuration as operators write it: the twin of `config.ts`, which reads the same
// document inside Envoy.

import { z } from "zod";

/** The configuration of the filter `template`. */
export const filterSchema = z
  .strictObject({
    header: z
      .string("must be a string")
      .regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/, "must be a header name in lower case, 1 to 128 characters")
      .optional()
      .describe("The request header that is looked at, in lower case. Default: x-api-key.")
      .meta({ default: "x-api-key" }),
    values: z
      .array(
        z
          .string("must be a string")
          .regex(/^[!-~]{1,256}$/, "must be 1 to 256 visible ASCII characters")
          .describe("A value, 1 to 256 visible ASCII characters."),
      )
      .min(1, "must have at least 1 item")
      .max(100, "must have at most 100 items")
      .describe("The values that let a request pass."),
    shadow: z
      .boolean("must be true or false")
      .optional()
      .describe("true: every request passes, and is only counted. Default: false.")
      .meta({ default: false }),
  })
  .describe("Configuration of the filter template.");

export type FilterConfig = z.infer<typeof filterSchema>;
