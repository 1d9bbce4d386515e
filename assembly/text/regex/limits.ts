// Limits of regular expressions. The compiler beside this file and the schema of matches in
// `filters/shared` both compile it, so it imports nothing and has only plain constants.

/** Most states of the automaton that a regular expression becomes. */
export const MAX_STATES = 4096;
