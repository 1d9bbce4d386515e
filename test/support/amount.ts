// How much of a test's repetition a run does.

/**
 * The whole amount in `npm run test:all`, and `some` in `npm test`, which sets
 * `MESHWRIGHT_QUICK=1`. Both check the same; a larger amount only makes a rare fault more likely to
 * show.
 */
export function amount(whole: number, some: number): number {
  return process.env.MESHWRIGHT_QUICK === "1" ? some : whole;
}
