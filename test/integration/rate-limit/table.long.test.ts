// rate-limit's table in stock Envoy with as many active keys as its page speaks of.

import { afterAll, beforeAll, beforeEach, test } from "vitest";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { expectHeavyUserLimited, expectNoMoreRoom, startTableEnvoy } from "./crowd.js";
import type { LimitEnvoy } from "./limit-envoy.js";

let limited: LimitEnvoy;

beforeAll(async () => {
  limited = await startTableEnvoy();
});
afterAll(() => limited?.[Symbol.asyncDispose]());
beforeEach(() => {
  showLogsOnFailure(limited.envoy);
});

const KEYS = 100_000;

test("a heavy user stays limited among a hundred thousand others, and hardly any of those is refused", async () => {
  const filled = await expectHeavyUserLimited(limited, KEYS);
  await expectNoMoreRoom(limited, KEYS, filled);
}, 300_000);
