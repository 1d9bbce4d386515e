// rate-limit's promise in numbers, for ten seconds over both protocols.

import { afterAll, beforeAll, test } from "vitest";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { expectSteady, startExactEnvoy } from "./admissions.js";
import type { LimitEnvoy } from "./limit-envoy.js";

let limited: LimitEnvoy;

beforeAll(async () => {
  limited = await startExactEnvoy();
});

afterAll(() => limited?.[Symbol.asyncDispose]());

test.each(["http1", "http2"] as const)(
  "ten times the limit for ten seconds over four workers, %s: admits limit x time + burst within 1 %",
  async (protocol) => {
    showLogsOnFailure(limited.envoy);
    await expectSteady(limited, protocol, 10_000);
  },
  120_000,
);
