// rate-limit's table in stock Envoy with the number of active keys that its page mentions.

import { afterAll, beforeAll, beforeEach, test } from "vitest";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { expectHeavyUserLimited, startTableEnvoy } from "./crowd.js";
import type { LimitEnvoy } from "./limit-envoy.js";

let limited: LimitEnvoy;

beforeAll(async () => {
  limited = await startTableEnvoy();
});
afterAll(() => limited?.[Symbol.asyncDispose]());
beforeEach(() => {
  showLogsOnFailure(limited.envoy);
});

test(
  "a heavy user stays limited while a hundred thousand others send requests, and hardly any of those is refused",
  () => expectHeavyUserLimited(limited, 100_000),
  300_000,
);
