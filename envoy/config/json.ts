// The values that a JSON document holds: what a filter's configuration is made of.

/** Any value that JSON text can express. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
