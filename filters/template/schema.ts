// The filter's configuration as operators write it. It is the twin of `config.ts`, which reads the
// same document inside Envoy.

import { z } from "zod";
import { DEFAULT_HEADER, MAX_HEADER_SIZE, MAX_VALUE_SIZE, MAX_VALUES } from "./limits.js";

const HEADER_NAME = new RegExp(`^[a-z0-9!#$%&'*+.^_\`|~-]{1,${MAX_HEADER_SIZE}}$`);
const VALUE = new RegExp(`^[!-~]{1,${MAX_VALUE_SIZE}}$`);

/** The configuration of the filter `template`. */
export const filterSchema = z
  .strictObject({
    header: z
      .string("must be a string")
      .regex(HEADER_NAME, `must be a header name in lower case, 1 to ${MAX_HEADER_SIZE} characters`)
      .optional()
      .describe(`The request header that the filter reads, in lower case. Default: ${DEFAULT_HEADER}.`)
      .meta({ default: DEFAULT_HEADER }),
    values: z
      .array(
        z
          .string("must be a string")
          .regex(VALUE, `must be 1 to ${MAX_VALUE_SIZE} visible ASCII characters`)
          .describe(`A value, 1 to ${MAX_VALUE_SIZE} visible ASCII characters.`),
      )
      .min(1, "must have at least 1 item")
      .max(MAX_VALUES, `must have at most ${MAX_VALUES} items`)
      .describe("The values that let a request pass."),
    shadow: z
      .boolean("must be true or false")
      .optional()
      .describe("true: every request passes, and is only counted. Default: false.")
      .meta({ default: false }),
  })
  .describe("Configuration of the filter template.");

export type FilterConfig = z.infer<typeof filterSchema>;
