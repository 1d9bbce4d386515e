// The prefix of a path, as a route of Envoy's matches it.

import { z } from "zod";

const IS_CUT = /[?#\s]/;
const DOT_SEGMENT = /\/\.{1,2}(\/|$)/;

/** A prefix that a path of a request can have once Envoy has normalized it. */
export const pathPrefixSchema = z
  .string()
  .startsWith("/", 'must begin with "/"')
  .refine((text) => !IS_CUT.test(text), 'has "?", "#" or a space; a route\'s path ends before the query')
  .refine(
    (text) => !DOT_SEGMENT.test(text),
    'has "/./" or "/../", which Envoy resolves before it looks for a route',
  );
