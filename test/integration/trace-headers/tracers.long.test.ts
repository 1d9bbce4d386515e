// The formats as Envoy's own tracers of X-Ray, Datadog and SkyWalking have them: the filter goes on
// with what a tracer wrote, and a tracer with what the filter wrote.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { HeaderList } from "../../../kit/traffic.js";
import { startTraceEnvoy, type TraceEnvoy } from "./trace-envoy.js";
import { startTracerEnvoy, type TracerEnvoy } from "./tracer-envoy.js";

const HIGH = "5759e988bd862e3f";
const LOW = "e1be46a994272793";
const TRACE_ID = HIGH + LOW;
const SPAN_ID = "53995c3f42cd8ad8";
const ROOT = `1-${TRACE_ID.slice(0, 8)}-${TRACE_ID.slice(8)}`;
const MAX_64 = "18446744073709551615";
const base64 = (text: string) => Buffer.from(text).toString("base64");
const decimal = (id: string) => BigInt(`0x${id}`).toString();

let upstream: Upstream;
let traced: TraceEnvoy;

beforeAll(async () => {
  [upstream, traced] = await Promise.all([startUpstream(), startTraceEnvoy()]);
});

afterAll(async () => {
  await traced?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
});

beforeEach(() => {
  showLogsOnFailure(traced.envoy);
});

/** A trace, as a format's headers name it. */
interface Named {
  readonly traceId: string;
  readonly sampled: boolean;
}

const FORMATS = {
  xray: {
    pattern: /^x-amzn-trace-id$/,
    named({ "x-amzn-trace-id": header = "" }): Named {
      const [, root = "", , sampled] =
        /^Root=1-([0-9a-f-]{33});Parent=([0-9a-f]{16});Sampled=(\d)$/.exec(header) ?? [];
      return { traceId: root.replace("-", ""), sampled: sampled === "1" };
    },
  },
  datadog: {
    pattern: /^x-datadog-/,
    named(headers: Record<string, string>): Named {
      const low = BigInt(headers["x-datadog-trace-id"] ?? 0)
        .toString(16)
        .padStart(16, "0");
      const high = /_dd\.p\.tid=([0-9a-f]{16})/i.exec(headers["x-datadog-tags"] ?? "")?.[1] ?? "0".repeat(16);
      return {
        traceId: high.toLowerCase() + low,
        sampled: Number(headers["x-datadog-sampling-priority"]) > 0,
      };
    },
  },
  skywalking: {
    pattern: /^sw8/,
    named({ sw8 = "" }): Named {
      const [sample, id = ""] = sw8.split("-");
      return { traceId: Buffer.from(id, "base64").toString().replaceAll("-", ""), sampled: sample === "1" };
    },
  },
} as const;

type Format = keyof typeof FORMATS;

/** What the tracer sends on in its format, and what trace that is. */
async function inTracer(tracer: TracerEnvoy, format: Format, headers: HeaderList) {
  expect((await send(tracer.url, { headers })).status).toBe(200);
  const { pattern, named } = FORMATS[format];
  const sent = (upstream.requests.at(-1)?.headers ?? []).filter(([name]) => pattern.test(name));
  return { sent, named: named(Object.fromEntries(sent)) };
}

/** The trace that the filter has of these headers. */
async function inFilter(headers: HeaderList): Promise<Named> {
  expect((await send(traced.envoy.url, { headers })).status).toBe(200);
  const [, traceId = "", , flags] = traced.arrived().traceparent?.split("-") ?? [];
  return { traceId, sampled: flags === "01" };
}

describe.each(["xray", "datadog", "skywalking"] as const)("%s", (format) => {
  let tracer: TracerEnvoy;

  beforeAll(async () => {
    tracer = await startTracerEnvoy(upstream.port, { tracer: format });
  });

  afterAll(() => tracer?.[Symbol.asyncDispose]());

  test("the filter goes on with a trace that the tracer started", async () => {
    await traced.configure({ accept: [format], write: ["w3c"], sampling: 0 });
    for (let i = 0; i < 5; i++) {
      const { sent, named } = await inTracer(tracer, format, []);
      expect(named.traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(await inFilter(sent)).toEqual(named);
    }
  });

  test("the tracer goes on with a trace that the filter wrote", async () => {
    for (const flags of ["01", "00"]) {
      await traced.configure({
        write: [format],
        skywalking: format === "skywalking" ? { service: "edge" } : undefined,
      });
      const { status } = await send(traced.envoy.url, {
        headers: [["traceparent", `00-${TRACE_ID}-${SPAN_ID}-${flags}`]],
      });
      expect(status).toBe(200);
      const { sent, named } = await inTracer(tracer, format, Object.entries(traced.arrived()));
      // The tracer of SkyWalking says "sampled" of every trace.
      expect(named).toEqual({ traceId: TRACE_ID, sampled: flags === "01" || format === "skywalking" });
      await traced.configure({ accept: [format], write: ["w3c"] });
      expect(await inFilter(sent)).toEqual(named);
    }
  });
});

describe("what the tracer goes on with, the filter goes on with", () => {
  const xray = (value: string): HeaderList => [["x-amzn-trace-id", value]];
  const datadog = (...fields: readonly (readonly [string, string])[]): HeaderList =>
    fields.map(([name, value]) => [`x-datadog-${name}`, value]);
  const IDS = [
    ["trace-id", decimal(LOW)],
    ["parent-id", decimal(SPAN_ID)],
  ] as const;
  const sw8 = (fields: Readonly<Record<number, string>>): HeaderList => {
    const own = ["1", base64(TRACE_ID), base64("s"), "3", "YQ==", "YQ==", "YQ==", "YQ=="];
    return [["sw8", Object.assign(own, fields).join("-")]];
  };

  test.each<[Format, readonly (readonly [string, HeaderList])[]]>([
    [
      "xray",
      [
        ["sampled", xray(`Root=${ROOT};Parent=${SPAN_ID};Sampled=1`)],
        ["not sampled", xray(`Root=${ROOT};Parent=${SPAN_ID};Sampled=0`)],
        ["another order", xray(`Sampled=1;Parent=${SPAN_ID};Root=${ROOT}`)],
        ["other fields", xray(`Self=1-2;Root=${ROOT};Parent=${SPAN_ID};Sampled=1;A=b`)],
        ["without a parent", xray(`Root=${ROOT};Sampled=1`)],
        ["repeated", [...xray(`Root=${ROOT};Sampled=1`), ...xray("?")]],
      ],
    ],
    [
      "datadog",
      [
        ["sampled", datadog(...IDS, ["sampling-priority", "1"])],
        ["refused by a person", datadog(...IDS, ["sampling-priority", "-1"])],
        ["another number", datadog(...IDS, ["sampling-priority", "7"])],
        [
          "an id of 128 bits",
          datadog(...IDS, ["tags", `_dd.p.tid=${HIGH},_dd.p.dm=-4`], ["sampling-priority", "2"]),
        ],
        ["a broken half", datadog(...IDS, ["tags", "_dd.p.tid=1"], ["sampling-priority", "2"])],
        [
          "a half in upper case",
          datadog(...IDS, ["tags", `_dd.p.tid=${HIGH.toUpperCase()}`], ["sampling-priority", "2"]),
        ],
        ["tags that are none", datadog(...IDS, ["tags", `_dd.p.tid=${HIGH},x`], ["sampling-priority", "2"])],
        [
          "many tags",
          datadog(
            ...IDS,
            ["tags", `_dd.p.a=${"x".repeat(600)},_dd.p.tid=${HIGH}`],
            ["sampling-priority", "2"],
          ),
        ],
        ["the largest ids", datadog(["trace-id", MAX_64], ["parent-id", MAX_64], ["sampling-priority", "0"])],
        ["a parent of 0", datadog(IDS[0], ["parent-id", "0"], ["sampling-priority", "1"])],
        ["no parent and an origin", datadog(IDS[0], ["origin", "synthetics"], ["sampling-priority", "1"])],
        ["repeated", datadog(...IDS, ["trace-id", "1"], ["parent-id", "1"], ["sampling-priority", "1"])],
      ],
    ],
    [
      "skywalking",
      [
        ["sampled", sw8({})],
        ["without padding", sw8({ 1: base64(TRACE_ID).replaceAll("=", "") })],
        ["empty texts", sw8({ 4: "", 5: "", 6: "", 7: "" })],
      ],
    ],
  ])("%s", async (format, requests) => {
    await traced.configure({ accept: [format], write: ["w3c"], sampling: 0 });
    await using tracer = await startTracerEnvoy(upstream.port, { tracer: format });
    for (const [what, headers] of requests) {
      const { named } = await inTracer(tracer, format, headers);
      expect(named.traceId).not.toMatch(/^0*$/);
      expect({ what, ...(await inFilter(headers)) }).toEqual({ what, ...named });
    }
  });

  test("and what the Datadog tracer does not go on with, the filter does not", async () => {
    await traced.configure({ accept: ["datadog"], write: ["w3c"] });
    await using tracer = await startTracerEnvoy(upstream.port, { tracer: "datadog" });
    for (const headers of [
      datadog(["trace-id", "0"], IDS[1]),
      datadog(["trace-id", "18446744073709551616"], IDS[1]),
      datadog(["trace-id", `${decimal(LOW)}x`], IDS[1]),
      datadog(["trace-id", `+${decimal(LOW)}`], IDS[1]),
      datadog(["trace-id", ""], IDS[1]),
      datadog(IDS[0]),
      datadog(IDS[1]),
      datadog(...IDS, ["sampling-priority", "keep"]),
      datadog(IDS[0], ["parent-id", "-1"]),
    ]) {
      expect((await inTracer(tracer, "datadog", headers)).named.traceId).not.toContain(LOW);
      expect((await inFilter(headers)).traceId).not.toContain(LOW);
    }
  });
});
