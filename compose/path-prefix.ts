// The prefix of a path, as a route of Envoy's matches it.

import { z } from "zod";

/** A prefix that a path of a request can have once Envoy has normalized it. */
export const pathPrefixSchema = z
  .string()
  .startsWith("/", 'must begin with "/"')
  .regex(/^[^?#\s]*$/, 'has "?", "#" or a space; a route\'s path ends before the query')
  .regex(/^(?!.*\/\.{1,2}(\/|$))/, 'has "/./" or "/../", which Envoy resolves before it looks for a route');
