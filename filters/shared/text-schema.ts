// Texts in a filter's configuration.

import { z } from "zod";
import { inJsonSchema } from "./json-schema.js";

/** A string of `minBytes` to `maxBytes` UTF-8 bytes, as the module counts them. */
export const text = (minBytes: number, maxBytes: number) =>
  z.string().refine(
    inJsonSchema(
      (value: string) => {
        const bytes = Buffer.byteLength(value);
        return value.isWellFormed() && bytes >= minBytes && bytes <= maxBytes;
      },
      // JSON Schema counts characters, of which each has one byte or more.
      { minLength: Math.min(minBytes, 1), maxLength: maxBytes },
    ),
    `must be ${minBytes} to ${maxBytes} bytes of UTF-8`,
  );
