// The filter trace-headers in a running stock Envoy: many requests, several hops, counters, changes
// of its configuration.

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { TraceHeadersConfig } from "../../../filters/trace-headers/schema.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { rawHttp1 } from "../../../kit/envoy/raw-http1.js";
import type { Upstream } from "../../../kit/envoy/upstream.js";
import { startTraceEnvoy, type TraceEnvoy } from "./trace-envoy.js";

const FILTER = "trace-headers";
const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

let traced: TraceEnvoy;
let envoy: TestEnvoy;
let upstream: Upstream;
const configure = (configuration: TraceHeadersConfig) => traced.configure(configuration);
const arrived = () => traced.arrived();

beforeAll(async () => {
  traced = await startTraceEnvoy();
  ({ envoy, upstream } = traced);
});

afterAll(() => traced?.[Symbol.asyncDispose]());

beforeEach(() => {
  showLogsOnFailure(envoy);
});

/** The counters by their labels. */
async function counters(): Promise<Map<string, number>> {
  const stats = await envoy.admin.stats("meshwright\\.trace_headers");
  return new Map([...stats].map(([name, value]) => [name.slice(name.indexOf("trace_headers.") + 14), value]));
}

test("a thousand requests get a thousand traces, from all workers", async () => {
  await configure({});
  const before = upstream.requests.length;
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 50 }, () => send(envoy.url)));
  }
  const ids = new Set<string>();
  for (const { headers } of upstream.requests.slice(before)) {
    const [, traceId = "", spanId = ""] = Object.fromEntries(headers).traceparent?.split("-") ?? [];
    ids.add(traceId).add(spanId);
  }
  expect(ids.size).toBe(2000);
});

test("a second hop has the first hop's span as its parent", async () => {
  await configure({ write: ["w3c", "b3-multi"] });
  const firstHop: Upstream = { ...upstream, port: envoy.port };
  await using edge = await startEnvoy({
    filters: [
      {
        name: FILTER,
        module: FILTER,
        configuration: { write: ["w3c", "x-trace-id"] },
      },
    ],
    upstreams: { next: firstHop },
    accessLog: { traceparent: "%REQ(TRACEPARENT)%" },
  });
  await send(edge.url);
  const trace = arrived();
  const [{ traceparent } = {}] = await edge.accessLog(1);
  const [, traceId, firstSpan] = String(traceparent).split("-");
  expect(trace["x-b3-traceid"]).toBe(traceId);
  expect(trace["x-b3-parentspanid"]).toBe(firstSpan);
  expect(trace["x-b3-spanid"]).not.toBe(firstSpan);
  expect(trace["x-trace-id"]).toBeUndefined();
});

test("the outcomes are counted", async () => {
  await configure({});
  const before = await counters();
  await send(envoy.url, {
    headers: [
      ["traceparent", TRACEPARENT],
      ["tracestate", "="],
    ],
  });
  await send(envoy.url, {
    headers: [
      ["traceparent", "?"],
      ["b3", "d"],
    ],
  });
  await send(envoy.url, { headers: [["x-trace-id", TRACE_ID]] });
  await send(envoy.url);
  const after = await counters();
  const grown = [...after].map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const);
  expect(Object.fromEntries(grown.filter(([, value]) => value > 0))).toEqual({
    "requests_total;outcome=continued;source=w3c": 1,
    "requests_total;outcome=started;source=b3": 1,
    "requests_total;outcome=restarted;source=none": 1,
    "requests_total;outcome=started;source=none": 1,
    "invalid_total;source=w3c": 1,
    "invalid_total;source=tracestate": 1,
  });
});

test("bytes that no ordinary client sends do no harm", async () => {
  await configure({ write: ["w3c", "b3"] });
  for (const value of ["\0", `${TRACEPARENT}\0`, "\x01\x7f", "\xff".repeat(1000), "%00", "=,=,"]) {
    for (const name of ["traceparent", "tracestate", "b3", "x-b3-flags"]) {
      const bytes = Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\n${name}: ${value}\r\n\r\n`, "latin1");
      expect(await rawHttp1(envoy.port, bytes)).toMatch(/^HTTP\/1\.1 (200|400) /);
    }
  }
  await send(envoy.url);
  expect(Object.keys(arrived())).toEqual(["traceparent", "b3"]);
});

test("no request of these tests ended the filter's VM", async () => {
  const reloads = [...(await envoy.admin.stats("^wasm\\..*vm_reload"))].map(([, value]) => value);
  expect(reloads).not.toEqual([]);
  expect(new Set(reloads)).toEqual(new Set([0]));
});

test("an invalid configuration is refused with its place, and the last good one stays", async () => {
  await configure({ write: ["x-trace-id"] });
  expect(await envoy.configure(FILTER, { write: ["x-trace-id", "w3x"] })).toEqual({
    accepted: false,
    reason: expect.stringContaining("trace-headers: configuration refused: write[1]: must be one of w3c"),
  });
  await send(envoy.url);
  expect(Object.keys(arrived())).toEqual(["x-trace-id"]);
});
