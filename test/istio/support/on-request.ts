// Tests whose programs take long to build, and which no other command runs.

/** Whether this run is `npm run test:kubernetes`, and for the title of a suite how to get that. */
export const onRequest = {
  isWanted: process.env.MESHWRIGHT_TEST_KUBERNETES === "1",
  how: "(on request: npm run test:kubernetes)",
} as const;
