// What the filter does to a request and its response, without a proxy: which headers it leaves, and
// how many host calls that costs.

import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ExchangeOptions, type HostedModule, loadModule } from "../../kit/host/load.js";
import type { HeaderList } from "../../kit/traffic.js";
import { buildFilters } from "../../toolchain/compile/build.js";
import type { TraceHeadersConfig } from "./schema.js";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const SPAN_ID = "b7ad6b7169203331";
const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;
const OTHERS: HeaderList = [
  [":path", "/"],
  ["x-request-id", "7b9c"],
  ["x-b3-other", "kept"],
  ["traceparents", "kept"],
];
const XRAY = `Root=1-${TRACE_ID.slice(0, 8)}-${TRACE_ID.slice(8)};Parent=${SPAN_ID};Sampled=1`;
const SW8 = "1-YQ==-Yg==-0----";
const DATADOG: HeaderList = [
  ["x-datadog-trace-id", "7"],
  ["x-datadog-parent-id", "8"],
  ["x-datadog-sampling-priority", "1"],
  ["x-datadog-tags", "_dd.p.dm=-4"],
];
const ALL_FORMATS: TraceHeadersConfig = { write: ["w3c", "b3", "b3-multi", "x-trace-id"] };

let path: string;
let module: HostedModule;

beforeAll(async () => {
  const [built] = await buildFilters(["trace-headers"]);
  if (built === undefined) throw new Error("trace-headers was not built");
  path = built.path;
});

beforeEach(() => {
  module = loadModule(path);
});

function configure(configuration: TraceHeadersConfig): void {
  expect(module.configure(JSON.stringify(configuration))).toEqual({ accepted: true, logs: [] });
}

function send(headers: HeaderList, options?: ExchangeOptions) {
  const exchange = module.exchange([...OTHERS, ...headers], options);
  const kept = exchange.request.slice(0, OTHERS.length);
  expect(kept).toEqual(OTHERS);
  const added = exchange.request.slice(OTHERS.length);
  const names = added.map(([name]) => name);
  expect(new Set(names).size).toBe(names.length);
  return { ...exchange, added: Object.fromEntries(added) as Record<string, string> };
}

function counted(): Record<string, number> {
  return Object.fromEntries([...module.metrics].filter(([, value]) => value > 0));
}

function calls(exchange: { readonly hostCalls: ReadonlyMap<string, number> }): number {
  return [...exchange.hostCalls].reduce(
    (sum, [name, count]) => (name === "random_get" ? sum : sum + count),
    0,
  );
}

describe("a request without a trace", () => {
  test("gets one", () => {
    configure({});
    const { added } = send([]);
    expect(Object.keys(added)).toEqual(["traceparent"]);
    expect(added.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(counted()).toEqual({ "meshwright.trace_headers.requests_total;outcome=started;source=none": 1 });
  });

  test("gets its own ids, a thousand times", () => {
    configure({});
    const ids = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      const [, traceId = "", spanId = ""] = send([]).added.traceparent?.split("-") ?? [];
      ids.add(traceId).add(spanId);
    }
    expect(ids.size).toBe(2000);
  });

  test("gets every configured format, with the same ids", () => {
    configure(ALL_FORMATS);
    const { added } = send([]);
    const [, traceId, spanId] = added.traceparent?.split("-") ?? [];
    expect(added).toEqual({
      traceparent: `00-${traceId}-${spanId}-01`,
      b3: `${traceId}-${spanId}-1`,
      "x-b3-traceid": traceId,
      "x-b3-spanid": spanId,
      "x-b3-sampled": "1",
      "x-trace-id": traceId,
    });
  });

  test("is not sampled at a rate of 0", () => {
    configure({ ...ALL_FORMATS, sampling: 0 });
    const { added } = send([]);
    expect(added.traceparent).toMatch(/-00$/);
    expect(added.b3).toMatch(/-0$/);
    expect(added["x-b3-sampled"]).toBe("0");
  });

  test("uses a decision that came without ids", () => {
    configure({});
    expect(send([["b3", "0"]]).added.traceparent).toMatch(/-00$/);
    expect(send([["x-b3-sampled", "false"]]).added.traceparent).toMatch(/-00$/);
    expect(counted()).toEqual({
      "meshwright.trace_headers.requests_total;outcome=started;source=b3": 1,
      "meshwright.trace_headers.requests_total;outcome=started;source=b3-multi": 1,
    });
  });

  test("is sampled at about the configured rate", () => {
    configure({ sampling: 30 });
    let sampled = 0;
    for (let i = 0; i < 4000; i++) if (send([]).added.traceparent?.endsWith("-01")) sampled++;
    // Six standard deviations to either side of 1,200.
    expect(sampled).toBeGreaterThan(1026);
    expect(sampled).toBeLessThan(1374);
  });
});

describe("a request with a trace", () => {
  test("continues it, in every configured format", () => {
    configure(ALL_FORMATS);
    const { added } = send([["traceparent", TRACEPARENT]]);
    const spanId = added["x-b3-spanid"];
    expect(spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(spanId).not.toBe(SPAN_ID);
    expect(added).toEqual({
      traceparent: `00-${TRACE_ID}-${spanId}-01`,
      b3: `${TRACE_ID}-${spanId}-1-${SPAN_ID}`,
      "x-b3-traceid": TRACE_ID,
      "x-b3-spanid": spanId,
      "x-b3-parentspanid": SPAN_ID,
      "x-b3-sampled": "1",
      "x-trace-id": TRACE_ID,
    });
    expect(counted()).toEqual({ "meshwright.trace_headers.requests_total;outcome=continued;source=w3c": 1 });
  });

  test("loses every format that is not written", () => {
    configure({});
    const { added } = send([
      ["b3", `${TRACE_ID}-${SPAN_ID}-0-${SPAN_ID}`],
      ["tracestate", "foo=1"],
      ["x-b3-traceid", TRACE_ID],
      ["x-b3-spanid", SPAN_ID],
      ["x-b3-parentspanid", SPAN_ID],
      ["x-b3-sampled", "1"],
      ["x-b3-flags", "1"],
      ["x-trace-id", "stale"],
    ]);
    expect(added).toEqual({ traceparent: expect.stringMatching(`^00-${TRACE_ID}-[0-9a-f]{16}-00$`) });
    expect(counted()).toEqual({ "meshwright.trace_headers.requests_total;outcome=continued;source=b3": 1 });
  });

  test("keeps debug in both forms of B3", () => {
    configure(ALL_FORMATS);
    const { added } = send([
      ["x-b3-traceid", TRACE_ID],
      ["x-b3-spanid", SPAN_ID],
      ["x-b3-sampled", "0"],
      ["x-b3-flags", "1"],
    ]);
    expect(added["x-b3-flags"]).toBe("1");
    expect(added["x-b3-sampled"]).toBeUndefined();
    expect(added.b3).toMatch(/-d-/);
    expect(added.traceparent).toMatch(/-01$/);
    expect(counted()).toEqual({
      "meshwright.trace_headers.requests_total;outcome=continued;source=b3-multi": 1,
    });
  });

  test("keeps its tracestate, joined and within its limit", () => {
    configure({ tracestateMaxBytes: 13 });
    expect(
      send([
        ["traceparent", TRACEPARENT],
        ["tracestate", "a=1,bc=2"],
      ]).added.tracestate,
    ).toBe("a=1,bc=2");
    const { added } = send([
      ["tracestate", "a=1"],
      ["traceparent", TRACEPARENT],
      ["tracestate", " , bc=2"],
      ["tracestate", "d=3, e=4"],
    ]);
    expect(added.tracestate).toBe("a=1,bc=2,d=3");
  });

  test("keeps the first entry of a vendor that occurs twice, and the others' entries", () => {
    configure({});
    const { added } = send([
      ["traceparent", TRACEPARENT],
      ["tracestate", "1a2b=x,foo@=1,bar=2,foo@=3"],
    ]);
    expect(added.tracestate).toBe("1a2b=x,foo@=1,bar=2");
    expect(counted()).toEqual({
      "meshwright.trace_headers.requests_total;outcome=continued;source=w3c": 1,
    });
  });

  test("keeps no tracestate when W3C is not written", () => {
    configure({ write: ["b3"] });
    const { added } = send([
      ["traceparent", TRACEPARENT],
      ["tracestate", "a=1"],
    ]);
    expect(Object.keys(added)).toEqual(["b3"]);
  });

  test.each([
    ["a broken member, and keeps the others", "a=1,A=2", "a=1"],
    ["the whole tracestate for an empty value, and keeps the trace", "a=1,b=", undefined],
  ])("loses %s", (_, tracestate, kept) => {
    configure({});
    const { added } = send([
      ["traceparent", TRACEPARENT],
      ["tracestate", tracestate],
    ]);
    expect(added).toEqual({
      traceparent: expect.stringContaining(TRACE_ID),
      ...(kept === undefined ? {} : { tracestate: kept }),
    });
    expect(counted()).toEqual({
      "meshwright.trace_headers.requests_total;outcome=continued;source=w3c": 1,
      "meshwright.trace_headers.invalid_total;source=tracestate": 1,
    });
  });
});

describe("a request that is not trusted", () => {
  test("loses all repeated and invalid headers", () => {
    configure(ALL_FORMATS);
    const { added } = send([
      ["traceparent", TRACEPARENT],
      ["traceparent", TRACEPARENT],
      ["b3", "x".repeat(60 * 1024)],
      ["x-b3-traceid", "\xc0\xaf"],
      ["x-b3-traceid", ""],
      ["x-trace-id", TRACE_ID],
      ["x-trace-id", TRACE_ID],
    ]);
    expect(JSON.stringify(added)).not.toContain(TRACE_ID);
    expect(Object.keys(added)).toHaveLength(6);
    expect(counted()).toEqual({
      "meshwright.trace_headers.requests_total;outcome=restarted;source=none": 1,
      "meshwright.trace_headers.invalid_total;source=w3c": 1,
      "meshwright.trace_headers.invalid_total;source=b3": 1,
      "meshwright.trace_headers.invalid_total;source=b3-multi": 1,
    });
  });

  test("starts a new trace at the edge", () => {
    configure({ trustIncoming: false, sampling: 0 });
    const { added } = send([
      ["traceparent", TRACEPARENT],
      ["tracestate", "a=1"],
      ["b3", "d"],
    ]);
    expect(Object.keys(added)).toEqual(["traceparent"]);
    expect(added.traceparent).not.toContain(TRACE_ID);
    expect(added.traceparent).toMatch(/-00$/);
    expect(counted()).toEqual({ "meshwright.trace_headers.requests_total;outcome=restarted;source=none": 1 });
  });

  test("starts a new trace when it has more headers than the host returns", () => {
    configure({});
    const many = Array.from({ length: 1100 }, (_, i) => [`x-many-${i}`, "1"] as const);
    const names = ["traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-flags", "x-trace-id"];
    const trace = names.map((name) => [name, name === "traceparent" ? TRACEPARENT : "1"] as const);
    const { added } = send([...many, ...trace, ["traceparent", TRACEPARENT]]);
    expect(Object.keys(added).filter((name) => !name.startsWith("x-many"))).toEqual(["traceparent"]);
    expect(added.traceparent).not.toContain(TRACE_ID);
  });

  test("leaves nothing for the next request", () => {
    configure({});
    for (const [name, value] of [
      ["traceparent", TRACEPARENT],
      ["b3", "d"],
      ["tracestate", "a=1,b=2"],
    ] as const) {
      send([
        ["traceparent", TRACEPARENT],
        [name, value],
      ]);
      const { added } = send([]);
      expect(Object.keys(added)).toEqual(["traceparent"]);
      expect(added.traceparent).not.toContain(TRACE_ID);
    }
  });
});

describe("the response", () => {
  test("has the trace id for the client, whatever the upstream sends", () => {
    configure({ responseHeader: "x-trace-id" });
    const response: HeaderList = [
      [":status", "200"],
      ["x-trace-id", "a"],
      ["server", "s"],
      ["x-trace-id", "b"],
    ];
    expect(send([["traceparent", TRACEPARENT]], { response }).response).toEqual([
      [":status", "200"],
      ["server", "s"],
      ["x-trace-id", TRACE_ID],
    ]);
    const { added, response: fresh } = send([], { response });
    expect(fresh.at(-1)).toEqual(["x-trace-id", added.traceparent?.split("-")[1]]);
  });

  test("is not changed by default", () => {
    configure({});
    const response: HeaderList = [
      [":status", "200"],
      ["x-trace-id", "a"],
    ];
    expect(send([], { response }).response).toEqual(response);
  });
});

// The README's table says the same.
describe("host calls", () => {
  const cases: readonly (readonly [string, TraceHeadersConfig, HeaderList, number])[] = [
    ["a new trace", {}, [], 3],
    ["a trace that continues", {}, [["traceparent", TRACEPARENT]], 3],
    [
      "the same with a tracestate",
      {},
      [
        ["traceparent", TRACEPARENT],
        ["tracestate", "a=1"],
      ],
      3,
    ],
    ["B3 in, W3C out", {}, [["b3", `${TRACE_ID}-${SPAN_ID}-1`]], 4],
    ["AWS in, W3C out", { accept: ["xray"] }, [["x-amzn-trace-id", XRAY]], 4],
    [
      "SkyWalking in, and passed on",
      { accept: ["skywalking"], write: ["w3c", "skywalking"] },
      [["sw8", SW8]],
      3,
    ],
    ["Datadog in and out", { accept: ["datadog"], write: ["w3c", "datadog"] }, DATADOG, 4],
    ["a new trace, for AWS", { write: ["xray"] }, [], 4],
    [
      "formats that no setting names",
      {},
      [["x-amzn-trace-id", XRAY], ["sw8", SW8], ...DATADOG, ["baggage", "a=1"]],
      3,
    ],
    ["baggage that stays as it is", { baggage: {} }, [["baggage", "a=1, b=2"]], 3],
    ["baggage of which a member is dropped", { baggage: {} }, [["baggage", "a=1, ?"]], 5],
    ["the response header", { responseHeader: "x-trace-id" }, [], 5],
    ["W3C, B3 in both forms and x-trace-id", ALL_FORMATS, [], 8],
  ];
  test.each(cases)("%s", (_, configuration, headers, expected) => {
    configure(configuration);
    expect(calls(send(headers))).toBe(expected);
  });

  test("for random bytes are made once in 16 requests", () => {
    configure({});
    let draws = 0;
    for (let i = 0; i < 160; i++) draws += send([]).hostCalls.get("random_get") ?? 0;
    expect(draws).toBe(10);
  });
});

test("memory does not grow over many requests", () => {
  configure({ ...ALL_FORMATS, responseHeader: "x-trace-id" });
  const headers: HeaderList = [
    ["traceparent", TRACEPARENT],
    ["tracestate", "a=1, b=2"],
    ["b3", "x"],
  ];
  for (let i = 0; i < 100; i++) send(headers);
  const before = module.pages;
  for (let i = 0; i < 20_000; i++) module.exchange(headers);
  expect(module.pages).toBe(before);
});
