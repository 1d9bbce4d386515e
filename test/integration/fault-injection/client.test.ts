// Faults that clients ask for by header, in stock Envoy: off unless the configuration allows them,
// and never more than it allows.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { rawHttp1 } from "../../../kit/envoy/raw-http1.js";
import type { HeaderList } from "../../../kit/traffic.js";
import { EARLY_MS, type FaultEnvoy, startFaultEnvoy } from "./fault-envoy.js";

const DELAY = "x-envoy-fault-delay-request";
const ABORT = "x-envoy-fault-abort-request";
const GRPC_ABORT = "x-envoy-fault-abort-grpc-request";
const PERCENTAGE = "x-envoy-fault-percentage";

let fault: FaultEnvoy;

beforeAll(async () => {
  fault = await startFaultEnvoy({ listenerOptions: { maxRequestHeaders: 1000, maxRequestHeadersKb: 8192 } });
});

afterAll(() => fault?.[Symbol.asyncDispose]());

beforeEach(() => showLogsOnFailure(fault.envoy));

/** The fault headers that reached the upstream in its latest request. */
const arrived = () =>
  (fault.upstream.requests.at(-1)?.headers ?? []).filter(([name]) => /fault|^x-(wait|fail)$/.test(name));

async function ask(headers: HeaderList, protocol: "http1" | "http2" = "http1") {
  const before = performance.now();
  const { status } = await send(fault.envoy.url, { headers, protocol });
  return { status, ms: performance.now() - before };
}

/** How much a counter rose while `work` ran. */
async function counted(work: () => Promise<unknown>, rule = "client"): Promise<Record<string, number>> {
  const before = await fault.outcomes(rule);
  await work();
  const after = Object.entries(await fault.outcomes(rule));
  const grown = after.map(([outcome, value]) => [outcome, value - (before[outcome] ?? 0)] as const);
  return Object.fromEntries(grown.filter(([, value]) => value > 0));
}

describe.each(["http1", "http2"] as const)("over %s", (protocol) => {
  test("by default the headers have no effect and are passed on unchanged", async () => {
    await fault.rules();
    const { status, ms } = await ask(
      [
        [DELAY, "5000"],
        [ABORT, "503"],
        [PERCENTAGE, "100"],
      ],
      protocol,
    );
    expect(status).toBe(200);
    expect(ms).toBeLessThan(5000);
    expect(arrived()).toEqual([
      [DELAY, "5000"],
      [ABORT, "503"],
      [PERCENTAGE, "100"],
    ]);
  });

  test("a request that says it has a long body passes without the delay", async () => {
    await fault.configure({ clientFaults: { maxBodyBytes: 1000 }, rules: [] });
    const upload = async (body: string, length: HeaderList = [["content-length", String(body.length)]]) => {
      const headers: HeaderList = [[DELAY, "20"], ...length];
      const { status } = await send(fault.envoy.url, { method: "POST", body: [body], headers, protocol });
      return { status, headers: arrived(), received: fault.upstream.requests.at(-1)?.body.length };
    };
    const passed = (bytes: number) => ({ status: 200, headers: [], received: bytes });
    const [within, above] = ["x".repeat(1000), "x".repeat(1001)];
    expect(await counted(async () => expect(await upload(within)).toEqual(passed(1000)))).toEqual({
      delayed: 1,
    });
    expect(await counted(async () => expect(await upload(above)).toEqual(passed(1001)))).toEqual({
      limited: 1,
    });
    // Nobody knows its length.
    expect(await counted(async () => expect(await upload(above, [])).toEqual(passed(1001)))).toEqual({
      delayed: 1,
    });
  });

  test("when allowed, a client is delayed or aborted as it asked, and the headers are removed", async () => {
    await fault.configure({ clientFaults: {}, rules: [{ name: "rule", abort: { status: 501 } }] });
    expect(
      await counted(async () => {
        const { status, ms } = await ask([[DELAY, "60"]], protocol);
        expect(status).toBe(200);
        expect(ms).toBeGreaterThanOrEqual(60 - EARLY_MS);
      }),
    ).toEqual({ delayed: 1 });
    expect(arrived()).toEqual([]);
    expect(
      await counted(async () => {
        expect((await ask([[ABORT, "418"]], protocol)).status).toBe(418);
        expect((await ask([[GRPC_ABORT, "14"]], protocol)).status).toBe(503);
        const late = await ask(
          [
            [ABORT, "404"],
            [DELAY, "40"],
          ],
          protocol,
        );
        expect(late.status).toBe(404);
        expect(late.ms).toBeGreaterThanOrEqual(40 - EARLY_MS);
      }),
    ).toEqual({ aborted: 3 });
    // A client that asks for nothing meets the rules.
    expect((await ask([], protocol)).status).toBe(501);
  });

  test("a delay is limited to the longest that is allowed", async () => {
    await fault.configure({ clientFaults: { maxDelay: "50ms" }, rules: [] });
    for (const value of ["60000", "4294967295", "4294967296", "18446744073709551616", "9".repeat(400)]) {
      const { status, ms } = await ask([[DELAY, value]], protocol);
      expect(status).toBe(200);
      expect(ms).toBeLessThan(4000);
    }
    expect(arrived()).toEqual([]);
  });
});

test("a percentage draws, and is limited to the largest that is allowed", async () => {
  await fault.configure({ clientFaults: { maxPercentage: 20 }, rules: [] });
  const taken = async (value: string) => {
    let aborts = 0;
    for (let i = 0; i < 200; i += 20) {
      const batch = await Promise.all(
        Array.from({ length: 20 }, () =>
          ask([
            [ABORT, "503"],
            [PERCENTAGE, value],
          ]),
        ),
      );
      aborts += batch.filter(({ status }) => status === 503).length;
    }
    return aborts;
  };
  expect(await taken("0")).toBe(0);
  expect(Math.abs((await taken("100")) - 40)).toBeLessThan(6 * Math.sqrt(200 * 0.2 * 0.8));
  expect(Math.abs((await taken("10")) - 20)).toBeLessThan(6 * Math.sqrt(200 * 0.1 * 0.9));
  expect(arrived()).toEqual([]);
});

test("the configuration says who may ask, and by which headers", async () => {
  await fault.configure({
    clientFaults: {
      name: "testers",
      match: { headers: [{ name: "x-tester", present: true }] },
      delayHeader: "x-wait",
      abortHeader: "x-fail",
    },
    rules: [],
  });
  expect(
    (
      await ask([
        ["x-fail", "500"],
        ["x-tester", "1"],
      ])
    ).status,
  ).toBe(500);
  expect((await ask([["x-fail", "500"]])).status).toBe(200);
  expect(
    (
      await ask([
        ["x-wait", "30"],
        ["x-tester", "1"],
      ])
    ).ms,
  ).toBeGreaterThanOrEqual(30 - EARLY_MS);
  // The headers that have other names here do nothing.
  expect(
    (
      await ask([
        [ABORT, "500"],
        ["x-tester", "1"],
      ])
    ).status,
  ).toBe(200);
  expect(await fault.outcomes("testers")).toEqual({ aborted: 1, delayed: 1 });
});

describe("a value that is not a valid number", () => {
  beforeAll(() => fault.configure({ clientFaults: { maxDelay: "50ms" }, rules: [] }));

  const WRONG = [
    "",
    "-1",
    "+1",
    "1.5",
    "1e3",
    "0x20",
    " ",
    "abc",
    "NaN",
    "1,2",
    "500\u00a0",
    "99",
    "600",
    "-503",
  ];

  test.each(WRONG)("%j as a status asks for no abort, and is not passed on", async (value) => {
    expect(await counted(() => ask([[ABORT, value]]).then(({ status }) => expect(status).toBe(200)))).toEqual(
      {},
    );
    expect(arrived()).toEqual([]);
  });

  test.each(["-1", "17", "abc", "1.0", "4294967310"])("%j is not a gRPC status", async (value) => {
    expect((await ask([[GRPC_ABORT, value]])).status).toBe(200);
    expect(arrived()).toEqual([]);
  });

  test.each(["-5", "abc", "1.5", "0x10", "1e2"])("%j is not a delay", async (value) => {
    expect(await counted(() => ask([[DELAY, value]]))).toEqual({});
  });

  test.each(["-5", "abc", "1.5", ""])("%j is not a percentage, and then there is no fault", async (value) => {
    expect(
      (
        await ask([
          [ABORT, "503"],
          [PERCENTAGE, value],
        ])
      ).status,
    ).toBe(200);
    expect(arrived()).toEqual([]);
  });

  test("two lines of a header are no number, and all of them are removed", async () => {
    const asked = async (...values: string[]) =>
      (await ask(values.map((value): [string, string] => [ABORT, value]))).status;
    expect(await asked("503", "500")).toBe(200);
    expect(await asked("abc", "500")).toBe(200);
    expect(await asked("503")).toBe(503);
    expect(arrived()).toEqual([]);
  });

  test("bytes that no ordinary client sends, and megabytes of them, do no harm", async () => {
    const head = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n";
    for (const value of [
      "\xff\xfe",
      "50\x00",
      "\x80".repeat(1000),
      "5".repeat(7_000_000),
      "5".repeat(10_000_000),
    ]) {
      for (const name of [DELAY, ABORT, GRPC_ABORT, PERCENTAGE]) {
        const answer = await rawHttp1(
          fault.envoy.port,
          Buffer.from(`${head}${name}: ${value}\r\n\r\n`, "latin1"),
        );
        expect(answer).toMatch(/^(HTTP\/1\.1 (200|400|431) |$)/);
      }
    }
    expect((await ask([[ABORT, "418"]])).status).toBe(418);
  });
});

test("none of these tests ended a VM", () => fault.expectAlive());
