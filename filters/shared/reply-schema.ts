// What a filter answers with, the same in every filter that answers. The module's own parser is
// `assembly/text/reply-config.ts`.

import { text } from "./match-schema.js";

/** A body. */
export const replyBody = text(0, 65_536);

/** The type of a body. */
export const contentType = text(1, 256).refine(
  (value) => /^[\x20-\x7e]*$/.test(value),
  "must be printable ASCII",
);

/** The value of a header that is written. */
export const headerValue = text(0, 4096).refine(
  (value) => ![...value].some((char) => (char < " " && char !== "\t") || char === "\x7f"),
  "must have no control characters but tabs",
);
