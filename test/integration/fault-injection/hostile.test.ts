// fault-injection in stock Envoy before hostile requests: they pass, are refused, or meet the
// fault; nothing traps.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { rawHttp1 } from "../../../kit/envoy/raw-http1.js";
import { type FaultEnvoy, startFaultEnvoy } from "./fault-envoy.js";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

let fault: FaultEnvoy;

beforeAll(async () => {
  // The most that Envoy can be configured to accept, so that the filter sees it.
  fault = await startFaultEnvoy({ listenerOptions: { maxRequestHeaders: 1000, maxRequestHeadersKb: 8192 } });
  const share = { percentage: 100 };
  await fault.configure({
    explainHeader: "x-why",
    rules: [
      {
        name: "by-trace",
        match: { path: { prefix: "/trace" } },
        share: { ...share, key: { traceId: true } },
        abort: { status: 503 },
      },
      {
        name: "by-cookie",
        match: { path: { prefix: "/cookie" } },
        share: { ...share, key: { cookie: "id" } },
        delay: { fixed: "1ms" },
      },
      {
        name: "by-header",
        match: { path: { prefix: "/header" } },
        share: { ...share, key: { header: "x-user" } },
        response: { truncateAfter: 1, bytesPerSecond: 1000 },
      },
      {
        name: "by-address",
        match: { path: { prefix: "/address" } },
        share: { ...share, key: { clientAddress: true } },
        delay: { fixed: "1ms" },
        abort: { status: 503, body: "x" },
      },
    ],
  });
});

afterAll(() => fault?.[Symbol.asyncDispose]());

beforeEach(() => showLogsOnFailure(fault.envoy));

const raw = (path: string, head: string): Promise<string> =>
  rawHttp1(
    fault.envoy.port,
    Buffer.from(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${head}\r\n`, "latin1"),
  );

const NAMES = ["x-user", "cookie", "traceparent", "b3", "x-b3-traceid", "x-forwarded-for", "x-why"];
const VALUES: [string, string][] = [
  ["nothing", ""],
  ["broken UTF-8", "\xc0\xaf\xff\xfe\xf8"],
  ["separators", "=;,=;,-;=id=;id"],
  ["a NUL", "id=a\0b"],
  ["one megabyte", `id=${"x".repeat(1_000_000)}`],
  ["ten megabytes", `id=${"x".repeat(10_000_000)}`],
];

describe.each(["/trace", "/cookie", "/header", "/address"])("requests for %s", (path) => {
  test.each(VALUES)("with %s in each header that matters", async (_, value) => {
    for (const name of NAMES) {
      const answer = await raw(path, `${name}: ${value}\r\n`);
      // Envoy may close a connection that still sends after 431.
      expect(answer).toMatch(/^(HTTP\/1\.1 (200|400|431|503) |$)/);
    }
    await fault.expectAlive();
  });

  test("with nine hundred headers of one name", async () => {
    for (const name of NAMES) {
      expect(await raw(path, `${name}: id=1\r\n`.repeat(900))).toMatch(/^HTTP\/1\.1 (200|503) /);
    }
    await fault.expectAlive();
  });
});

test("an invalid trace id is not a key: the request is drawn like any other", async () => {
  for (const value of [
    `00-${TRACE}`,
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    `zz-${TRACE}-00f067aa0ba902b7-01`,
  ]) {
    const { status } = await send(fault.envoy.url, { path: "/trace", headers: [["traceparent", value]] });
    expect([200, 503]).toContain(status);
  }
});

test("a client cannot forge the header that says what was done", async () => {
  const { headers } = await send(fault.envoy.url, {
    path: "/",
    headers: [["x-why", "by-trace;outcome=aborted"]],
  });
  expect(headers.filter(([name]) => name === "x-why")).toEqual([]);
});

test("a request that ends in the middle of its body does not disturb the filter", async () => {
  const head =
    "POST /address HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 100\r\n\r\nonly this";
  expect(await rawHttp1(fault.envoy.port, Buffer.from(head))).toMatch(/^HTTP\/1\.1 503 /);
  expect(await fault.active("by-address")).toBe(0);
  await fault.expectAlive();
});
