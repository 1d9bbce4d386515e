// Texts in a filter's configuration.

import { z } from "zod";

/** A string of `minBytes` to `maxBytes` UTF-8 bytes, as the module counts them. */
export const text = (minBytes: number, maxBytes: number) =>
  z.string().refine((value) => {
    const bytes = Buffer.byteLength(value);
    return value.isWellFormed() && bytes >= minBytes && bytes <= maxBytes;
  }, `must be ${minBytes} to ${maxBytes} bytes of UTF-8`);
