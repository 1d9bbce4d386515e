// The parts of a filter's answer, the same in every filter that answers. The module's own parser is
// `assembly/text/reply-config.ts`.

import { z } from "zod";
import {
  MAX_BODY_SIZE,
  MAX_CONTENT_TYPE_SIZE,
  MAX_HEADER_VALUE_SIZE,
  MAX_REPLY_HEADERS,
} from "../../assembly/text/limits.js";
import { inJsonSchema } from "./json-schema.js";
import { replyHeaderName, text } from "./match-schema.js";

/** A body. */
export const replyBody = text(0, MAX_BODY_SIZE);

/** The content type of a body. */
export const contentType = text(1, MAX_CONTENT_TYPE_SIZE).refine(
  inJsonSchema((value: string) => /^[\x20-\x7e]*$/.test(value), { pattern: "^[ -~]*$" }),
  "must be printable ASCII",
);

/** The value of a header that a filter writes. */
export const headerValue = text(0, MAX_HEADER_VALUE_SIZE).refine(
  inJsonSchema(
    (value: string) => ![...value].some((char) => (char < " " && char !== "\t") || char === "\x7f"),
    {
      pattern: "^[^\\u0000-\\u0008\\u000A-\\u001F\\u007F]*$",
    },
  ),
  "must have no control characters but tabs",
);

/** The headers of an answer. */
export const replyHeaders = z
  .array(
    z.strictObject({
      name: replyHeaderName.describe("The header's name, lower case."),
      value: headerValue.describe("Its value."),
    }),
  )
  .max(MAX_REPLY_HEADERS);
