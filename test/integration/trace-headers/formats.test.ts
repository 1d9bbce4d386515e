// The formats of AWS, Google Cloud, Datadog and SkyWalking, and baggage, in stock Envoy.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import type { HeaderList } from "../../../kit/traffic.js";
import { startTraceEnvoy, type TraceEnvoy } from "./trace-envoy.js";

const HIGH = "5759e988bd862e3f";
const LOW = "e1be46a994272793";
const TRACE_ID = HIGH + LOW;
const SPAN_ID = "53995c3f42cd8ad8";
const ROOT = `Root=1-${TRACE_ID.slice(0, 8)}-${TRACE_ID.slice(8)}`;
const NEW_FORMATS = ["xray", "google-cloud", "datadog", "skywalking"] as const;

const base64 = (text: string) => Buffer.from(text).toString("base64");
const decimal = (id: string) => BigInt(`0x${id}`).toString();
const SW8 = ["1", base64(TRACE_ID), base64("4f2f27748b8e44ecaf18fe0347194e86"), "3", "", "", "", ""].join(
  "-",
);
const INCOMING: Readonly<Record<string, HeaderList>> = {
  xray: [["X-Amzn-Trace-Id", `${ROOT};Parent=${SPAN_ID};Sampled=1`]],
  "google-cloud": [["X-Cloud-Trace-Context", `${TRACE_ID}/${decimal(SPAN_ID)};o=1`]],
  datadog: [
    ["x-datadog-trace-id", decimal(LOW)],
    ["x-datadog-parent-id", decimal(SPAN_ID)],
    ["x-datadog-sampling-priority", "1"],
    ["x-datadog-tags", `_dd.p.tid=${HIGH}`],
  ],
  skywalking: [["sw8", SW8]],
};

let traced: TraceEnvoy;

beforeAll(async () => {
  traced = await startTraceEnvoy();
});

afterAll(() => traced?.[Symbol.asyncDispose]());

beforeEach(() => {
  showLogsOnFailure(traced.envoy);
});

describe.each(["http1", "http2"] as const)("over %s", (protocol) => {
  async function forward(headers: HeaderList, path = "/"): Promise<Record<string, string>> {
    expect((await send(traced.envoy.url, { protocol, headers, path })).status).toBe(200);
    return traced.arrived();
  }

  test.each(NEW_FORMATS)("%s is read", async (format) => {
    await traced.configure({ accept: [format], write: ["w3c"] });
    expect(await forward(INCOMING[format] ?? [])).toEqual({
      traceparent: expect.stringMatching(`^00-${TRACE_ID}-[0-9a-f]{16}-01$`),
    });
  });

  test("all are written", async () => {
    await traced.configure({ write: ["w3c", ...NEW_FORMATS], skywalking: { service: "edge" } });
    const arrived = await forward([["traceparent", `00-${TRACE_ID}-${SPAN_ID}-00`]], "/cart?user=ann");
    const span = arrived.traceparent?.split("-")[2] ?? "";
    expect(arrived).toEqual({
      traceparent: `00-${TRACE_ID}-${span}-00`,
      "x-amzn-trace-id": `${ROOT};Parent=${span};Sampled=0`,
      "x-cloud-trace-context": `${TRACE_ID}/${decimal(span)};o=0`,
      "x-datadog-trace-id": decimal(LOW),
      "x-datadog-parent-id": decimal(span),
      "x-datadog-sampling-priority": "0",
      "x-datadog-tags": `_dd.p.tid=${HIGH}`,
      sw8: expect.stringContaining(`-0-${base64("edge")}-${base64("edge")}-${base64("/cart")}-`),
    });
  });

  test("a trace that starts here has the time of X-Ray", async () => {
    await traced.configure({ write: ["xray"] });
    const { "x-amzn-trace-id": written = "" } = await forward([]);
    const seconds = Number.parseInt(/^Root=1-([0-9a-f]{8})-/.exec(written)?.[1] ?? "", 16);
    expect(Math.abs(Date.now() / 1000 - seconds)).toBeLessThan(60);
  });

  test("they pass unread where no setting names them, and are dropped at the edge where one does", async () => {
    const all = Object.values(INCOMING).flat();
    await traced.configure({});
    const { traceparent, ...passed } = await forward(all);
    expect(traceparent).toBeDefined();
    expect(passed).toEqual(Object.fromEntries(all.map(([name, value]) => [name.toLowerCase(), value])));
    await traced.configure({ trustIncoming: false, accept: [...NEW_FORMATS] });
    expect(Object.keys(await forward([...all, ["x-datadog-origin", "rum"]]))).toEqual(["traceparent"]);
  });

  test("hostile values start a new trace, and neither trap nor pass", async () => {
    await traced.configure({ accept: [...NEW_FORMATS], write: ["w3c"] });
    const long = "9".repeat(60 * 1024);
    for (const value of [
      "",
      "?",
      long,
      "-".repeat(7),
      ";".repeat(1000),
      `${TRACE_ID}/${long}`,
      `1-${long}`,
      "=%=,\t",
    ]) {
      const names = [
        "x-amzn-trace-id",
        "x-cloud-trace-context",
        "x-datadog-trace-id",
        "x-datadog-tags",
        "sw8",
        "sw8-x",
      ];
      const arrived = await forward(names.map((name) => [name, value]));
      expect(Object.keys(arrived)).toEqual(["traceparent"]);
      expect(arrived.traceparent).not.toContain(TRACE_ID);
    }
  });

  test("baggage is limited and joined, and does not come in at the edge", async () => {
    await traced.configure({ baggage: { maxMembers: 2, deny: ["user"] } });
    const lines: HeaderList = [
      ["baggage", "user=ann,a=1;p=2, ?"],
      ["baggage", "b=2,c=3"],
    ];
    expect((await forward(lines)).baggage).toBe("a=1;p=2,b=2");
    const counted = await traced.envoy.admin.stats("baggage_dropped_total");
    expect([...counted.values()].filter((members) => members > 0).length).toBeGreaterThanOrEqual(3);
    await traced.configure({ baggage: {}, trustIncoming: false });
    expect((await forward(lines)).baggage).toBeUndefined();
  });
});
