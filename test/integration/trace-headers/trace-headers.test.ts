// The filter trace-headers in stock Envoy: formats in and out, what is not trusted, limits, and
// hostile requests.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { TraceHeadersConfig } from "../../../filters/trace-headers/schema.js";
import { send } from "../../../kit/envoy/client.js";
import type { TestEnvoy } from "../../../kit/envoy/envoy.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { rawHttp1 } from "../../../kit/envoy/raw-http1.js";
import type { Upstream } from "../../../kit/envoy/upstream.js";
import type { HeaderList, UpstreamResponse } from "../../../kit/traffic.js";
import { startTraceEnvoy, type TraceEnvoy } from "./trace-envoy.js";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID = "00f067aa0ba902b7";
const PARENT_ID = "05e3ac9a4f6e3b90";
const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;
const B3_MULTI: HeaderList = [
  ["x-b3-traceid", TRACE_ID],
  ["x-b3-spanid", SPAN_ID],
  ["x-b3-parentspanid", PARENT_ID],
  ["x-b3-sampled", "0"],
];

let traced: TraceEnvoy;
let envoy: TestEnvoy;
let upstream: Upstream;
let answer: UpstreamResponse;
const configure = (configuration: TraceHeadersConfig) => traced.configure(configuration);
const arrived = () => traced.arrived();

beforeAll(async () => {
  traced = await startTraceEnvoy({ respond: () => answer });
  ({ envoy, upstream } = traced);
});

afterAll(() => traced?.[Symbol.asyncDispose]());

beforeEach(() => {
  answer = {};
  showLogsOnFailure(envoy);
});

describe.each(["http1", "http2"] as const)("over %s", (protocol) => {
  async function forward(headers: HeaderList): Promise<Record<string, string>> {
    const response = await send(envoy.url, { protocol, headers });
    expect(response.status).toBe(200);
    return arrived();
  }

  describe("every format is read", () => {
    beforeAll(() => configure({}));

    test.each<[string, HeaderList, string]>([
      ["W3C", [["traceparent", TRACEPARENT]], "01"],
      ["W3C, not sampled", [["traceparent", `00-${TRACE_ID}-${SPAN_ID}-00`]], "00"],
      ["W3C, random flag", [["traceparent", `00-${TRACE_ID}-${SPAN_ID}-03`]], "03"],
      ["W3C of a later version", [["traceparent", `cc-${TRACE_ID}-${SPAN_ID}-01-more`]], "01"],
      ["W3C, name in capitals", [["TraceParent", TRACEPARENT]], "01"],
      ["B3", [["b3", `${TRACE_ID}-${SPAN_ID}-1-${PARENT_ID}`]], "01"],
      ["B3, debug", [["b3", `${TRACE_ID}-${SPAN_ID}-d`]], "01"],
      ["B3 multi", B3_MULTI, "00"],
      ["W3C before the others", [["b3", "0"], ...B3_MULTI, ["traceparent", TRACEPARENT]], "01"],
      [
        "B3 after an invalid W3C",
        [
          ["traceparent", "?"],
          ["b3", `${TRACE_ID}-${SPAN_ID}-0`],
        ],
        "00",
      ],
    ])("%s", async (_, headers, flags) => {
      const trace = await forward(headers);
      expect(trace).toEqual({ traceparent: expect.stringMatching(`^00-${TRACE_ID}-[0-9a-f]{16}-${flags}$`) });
      expect(trace.traceparent).not.toContain(SPAN_ID);
    });

    test("a trace id of 64 bits is padded", async () => {
      const { traceparent } = await forward([["b3", `a3ce929d0e0e4736-${SPAN_ID}-1`]]);
      expect(traceparent).toMatch(/^00-0000000000000000a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
    });

    test("Envoy removes blanks around a value", async () => {
      const text = `GET / HTTP/1.1\r\nhost: a\r\ntraceparent: \t ${TRACEPARENT} \t\r\n\r\n`;
      await rawHttp1(envoy.port, Buffer.from(text));
      expect(arrived().traceparent).toContain(TRACE_ID);
    });
  });

  describe("every format is written", () => {
    beforeAll(() => configure({ write: ["w3c", "b3", "b3-multi", "x-trace-id"] }));

    test("with the same ids and the parent", async () => {
      const trace = await forward([["traceparent", TRACEPARENT]]);
      const spanId = trace["x-b3-spanid"];
      expect(spanId).toMatch(/^[0-9a-f]{16}$/);
      expect(trace).toEqual({
        traceparent: `00-${TRACE_ID}-${spanId}-01`,
        b3: `${TRACE_ID}-${spanId}-1-${SPAN_ID}`,
        "x-b3-traceid": TRACE_ID,
        "x-b3-spanid": spanId,
        "x-b3-parentspanid": SPAN_ID,
        "x-b3-sampled": "1",
        "x-trace-id": TRACE_ID,
      });
    });

    test("without a parent in a new trace", async () => {
      const trace = await forward([]);
      expect(trace["x-b3-parentspanid"]).toBeUndefined();
      expect(trace.b3).toBe(`${trace["x-trace-id"]}-${trace["x-b3-spanid"]}-1`);
      expect(Object.keys(trace)).toHaveLength(6);
    });

    test("with debug", async () => {
      const trace = await forward([["x-b3-flags", "1"]]);
      expect(trace["x-b3-flags"]).toBe("1");
      expect(trace["x-b3-sampled"]).toBeUndefined();
      expect(trace.b3).toMatch(/-d$/);
    });
  });

  describe("nothing invalid is passed on", () => {
    beforeAll(() => configure({}));

    test.each<[string, HeaderList]>([
      ["upper case", [["traceparent", TRACEPARENT.toUpperCase()]]],
      ["version ff", [["traceparent", `ff${TRACEPARENT.slice(2)}`]]],
      ["version 00 with more", [["traceparent", `${TRACEPARENT}-more`]]],
      ["a trace id of zeros", [["traceparent", `00-${"0".repeat(32)}-${SPAN_ID}-01`]]],
      ["a parent id of zeros", [["traceparent", `00-${TRACE_ID}-${"0".repeat(16)}-01`]]],
      ["over 512 bytes", [["traceparent", `cc${TRACEPARENT.slice(2)}-${"x".repeat(500)}`]]],
      [
        "empty",
        [
          ["traceparent", ""],
          ["b3", ""],
          ["x-b3-traceid", ""],
          ["tracestate", ""],
        ],
      ],
      [
        "repeated",
        [
          ["traceparent", TRACEPARENT],
          ["traceparent", TRACEPARENT],
        ],
      ],
      [
        "repeated, the second invalid",
        [
          ["traceparent", TRACEPARENT],
          ["traceparent", "?"],
        ],
      ],
      [
        "B3 multi without a span id",
        [
          ["x-b3-traceid", TRACE_ID],
          ["x-b3-sampled", "1"],
        ],
      ],
      ["a tracestate alone", [["tracestate", "foo=1"]]],
      [
        "an x-trace-id, repeated",
        [
          ["x-trace-id", TRACE_ID],
          ["x-trace-id", TRACE_ID],
        ],
      ],
      [
        "invalid UTF-8",
        [
          ["traceparent", "\xc0\xaf\xff"],
          ["b3", "\xed\xa0\x80"],
          ["tracestate", "\xff"],
        ],
      ],
      [
        "60 KiB",
        [
          ["traceparent", "0".repeat(61_440)],
          ["tracestate", "a".repeat(61_440)],
          ["b3", "0".repeat(61_440)],
        ],
      ],
    ])("%s", async (_, headers) => {
      const trace = await forward(headers);
      expect(trace).toEqual({ traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/) });
      expect(trace.traceparent).not.toContain(TRACE_ID);
    });

    test("1,100 headers with a repeated traceparent among them", async () => {
      const many = Array.from({ length: 1100 }, (_, i): HeaderList[number] => [`x-many-${i}`, "1"]);
      const trace = await forward([
        ["traceparent", TRACEPARENT],
        ...many,
        ["traceparent", TRACEPARENT],
        ["b3", "d"],
      ]);
      expect(Object.keys(trace)).toEqual(["traceparent"]);
      expect(trace.traceparent).not.toContain(TRACE_ID);
      expect(upstream.requests.at(-1)?.headers.filter(([name]) => name.startsWith("x-many-"))).toHaveLength(
        1100,
      );
    });

    test("a thousand trace headers", async () => {
      const many = Array.from({ length: 900 }, (): HeaderList[number] => ["traceparent", TRACEPARENT]);
      expect((await forward(many)).traceparent).not.toContain(TRACE_ID);
      const states = Array.from({ length: 900 }, (_, i): HeaderList[number] => ["tracestate", `k${i}=1`]);
      expect(await forward([["traceparent", TRACEPARENT], ...states])).toEqual({
        traceparent: expect.stringContaining(TRACE_ID),
      });
    });
  });

  describe("the tracestate", () => {
    beforeAll(() => configure({}));

    test.each<[string, readonly string[], string | undefined]>([
      [
        "is passed on unchanged",
        ["congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"],
        "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
      ],
      ["is joined", ["foo=1,bar=2", "", "baz=3 , fum=4"], "foo=1,bar=2,baz=3,fum=4"],
      ["keeps the first entry of a key that occurs twice", ["foo=1,bar=2", "foo=3"], "foo=1,bar=2"],
      ["has keys of Level 2", ["1a2b=x,foo@=1", "bar@baz@fum=2"], "1a2b=x,foo@=1,bar@baz@fum=2"],
      ["loses an invalid member", ["foo=1,Bar=2", "baz=3"], "foo=1,baz=3"],
      ["is dropped with an empty value", ["foo=1,bar="], undefined],
      ["is dropped when it is empty", [" , "], undefined],
      ["is dropped with 33 members", [Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(",")], undefined],
      [
        "loses large members first",
        [`a=${"x".repeat(200)},b=${"x".repeat(120)},c=${"x".repeat(200)}`, "d=1"],
        `a=${"x".repeat(200)},b=${"x".repeat(120)},d=1`,
      ],
    ])("%s", async (_, values, expected) => {
      const headers = values.map((value): HeaderList[number] => ["tracestate", value]);
      const trace = await forward([["traceparent", TRACEPARENT], ...headers]);
      expect(trace.traceparent).toContain(TRACE_ID);
      expect(trace.tracestate).toBe(expected);
    });

    test("has a limit that can be set", async () => {
      await configure({ tracestateMaxBytes: 0 });
      expect(
        (
          await forward([
            ["traceparent", TRACEPARENT],
            ["tracestate", "a=1"],
          ])
        ).tracestate,
      ).toBeUndefined();
      await configure({ tracestateMaxBytes: 8192 });
      const long = Array.from({ length: 32 }, (_, i) => `k${i}=${"x".repeat(200)}`).join(",");
      expect(
        (
          await forward([
            ["traceparent", TRACEPARENT],
            ["tracestate", long],
          ])
        ).tracestate,
      ).toBe(long);
      await configure({});
    });
  });

  test("at the edge every request starts a trace", async () => {
    await configure({ trustIncoming: false, sampling: 0 });
    const trace = await forward([
      ["traceparent", TRACEPARENT],
      ["tracestate", "a=1"],
      ["b3", "d"],
      ...B3_MULTI,
    ]);
    expect(trace).toEqual({ traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/) });
    expect(trace.traceparent).not.toContain(TRACE_ID);
  });

  test("only trusted formats are used", async () => {
    await configure({ accept: ["b3"] });
    const trace = await forward([
      ["traceparent", `00-${PARENT_ID}${PARENT_ID}-${SPAN_ID}-01`],
      ["b3", `${TRACE_ID}-${SPAN_ID}-0`],
    ]);
    expect(trace.traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-.*-00$`));
    expect((await forward([["traceparent", TRACEPARENT]])).traceparent).not.toContain(TRACE_ID);
  });

  test("a sampling rate of 0 samples none and one of 100 samples all", async () => {
    for (const [sampling, flags] of [
      [0, "00"],
      [100, "01"],
    ] as const) {
      await configure({ sampling });
      for (let i = 0; i < 20; i++) expect((await forward([])).traceparent?.slice(-2)).toBe(flags);
    }
  });

  test("a decision without ids is kept", async () => {
    await configure({ sampling: 100 });
    expect((await forward([["b3", "0"]])).traceparent).toMatch(/-00$/);
    await configure({ sampling: 0 });
    expect((await forward([["x-b3-sampled", "true"]])).traceparent).toMatch(/-01$/);
  });

  test("the client gets the trace id when the configuration asks for it", async () => {
    answer = {
      headers: [
        ["x-trace-id", "theirs"],
        ["x-trace-id", "too"],
      ],
    };
    await configure({ responseHeader: "x-trace-id" });
    const response = await send(envoy.url, { protocol, headers: [["traceparent", TRACEPARENT]] });
    expect(response.headers.filter(([name]) => name === "x-trace-id")).toEqual([["x-trace-id", TRACE_ID]]);
    const fresh = await send(envoy.url, { protocol });
    expect(fresh.header("x-trace-id")).toBe(arrived().traceparent?.split("-")[1]);
    await configure({});
    expect((await send(envoy.url, { protocol })).header("x-trace-id")).toMatch(/theirs/);
  });

  test("x-request-id and other headers do not change", async () => {
    await configure({});
    const id = "3e2f1c0a-8f4c-4c1d-9a57-1f1e4d3c2b1a";
    await forward([
      ["x-request-id", id],
      ["baggage", "k=v"],
      ["x-b3-other", "1"],
    ]);
    const headers = Object.fromEntries(upstream.requests.at(-1)?.headers ?? []);
    expect(headers).toMatchObject({ "x-request-id": id, baggage: "k=v", "x-b3-other": "1" });
  });
});
