// What the W3C's suite for Trace Context asks of a participant, in cases of our own, in stock
// Envoy. The suite: https://github.com/w3c/trace-context/tree/main/test

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { rawHttp1 } from "../../../kit/envoy/raw-http1.js";
import { startTraceEnvoy, type TraceEnvoy } from "./trace-envoy.js";

const TRACE_ID = "8f1e6c0a2d4b4f6a9c3e5d7b1a2f3e4d";
const SPAN_ID = "3c5d7e9f1a2b4c6d";
const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;

let traced: TraceEnvoy;

beforeAll(async () => {
  traced = await startTraceEnvoy();
});

afterAll(() => traced?.[Symbol.asyncDispose]());

beforeEach(() => {
  showLogsOnFailure(traced.envoy);
});

/** The trace headers after the hop. */
async function hop(...headers: readonly (readonly [string, string])[]): Promise<Record<string, string>> {
  expect((await send(traced.envoy.url, { headers })).status).toBe(200);
  return traced.arrived();
}

/** The tracestate after the hop, of these lines; the trace must go on. */
async function state(...lines: readonly string[]): Promise<string | undefined> {
  const tracestate = lines.map((line) => ["tracestate", line] as const);
  const after = await hop(["traceparent", TRACEPARENT], ...tracestate);
  expect(after.traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-(?!${SPAN_ID})[0-9a-f]{16}-01$`));
  return after.tracestate;
}

const members = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `k${from + i}=v`).join(",");

describe("traceparent", () => {
  test.each([
    ["one span more", TRACEPARENT, "01"],
    ["not sampled", `00-${TRACE_ID}-${SPAN_ID}-00`, "00"],
    ["the random flag, kept", `00-${TRACE_ID}-${SPAN_ID}-02`, "02"],
    ["both flags", `00-${TRACE_ID}-${SPAN_ID}-03`, "03"],
    ["unknown flags, cleared", `00-${TRACE_ID}-${SPAN_ID}-fd`, "01"],
    ["a later version", `01-${TRACE_ID}-${SPAN_ID}-01`, "01"],
    ["a later version with more behind it", `cc-${TRACE_ID}-${SPAN_ID}-00-extra.fields-1`, "00"],
  ])("goes on: %s", async (_, traceparent, flags) => {
    const after = await hop(["TraceParent", traceparent]);
    expect(after.traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-(?!${SPAN_ID})[0-9a-f]{16}-${flags}$`));
  });

  test.each([
    ["version ff", `ff-${TRACE_ID}-${SPAN_ID}-01`],
    ["version 00 with more behind it", `${TRACEPARENT}-extra`],
    ["version 00 with a dot behind it", `${TRACEPARENT}.`],
    ["a later version with more and no dash", `cc-${TRACE_ID}-${SPAN_ID}-01.extra`],
    ["a version that is no number", `.0-${TRACE_ID}-${SPAN_ID}-01`],
    ["a version of one digit", `0-${TRACE_ID}-${SPAN_ID}-01`],
    ["a version of three digits", `000-${TRACE_ID}-${SPAN_ID}-01`],
    ["a trace id of zeros", `00-${"0".repeat(32)}-${SPAN_ID}-01`],
    ["a trace id that is no number", `00-${TRACE_ID.slice(1)}.-${SPAN_ID}-01`],
    ["a trace id with capitals", `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`],
    ["a short trace id", `00-${TRACE_ID.slice(1)}-${SPAN_ID}-01`],
    ["a long trace id", `00-${TRACE_ID}a-${SPAN_ID}-01`],
    ["a parent of zeros", `00-${TRACE_ID}-${"0".repeat(16)}-01`],
    ["a parent that is no number", `00-${TRACE_ID}-.${SPAN_ID.slice(1)}-01`],
    ["a short parent", `00-${TRACE_ID}-${SPAN_ID.slice(1)}-01`],
    ["a long parent", `00-${TRACE_ID}-${SPAN_ID}a-01`],
    ["flags that are no number", `00-${TRACE_ID}-${SPAN_ID}-.0`],
    ["one flag digit", `00-${TRACE_ID}-${SPAN_ID}-1`],
    ["three flag digits", `00-${TRACE_ID}-${SPAN_ID}-001`],
  ])("starts a trace, and drops the state: %s", async (_, traceparent) => {
    const after = await hop(["traceparent", traceparent], ["tracestate", "a=1"]);
    expect(after).toEqual({ traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/) });
    expect(after.traceparent).not.toContain(TRACE_ID);
  });

  test("two of them start a trace", async () => {
    const other = TRACEPARENT.replace("8f1e", "1111");
    const { traceparent } = await hop(["traceparent", TRACEPARENT], ["traceparent", other]);
    expect(traceparent).not.toContain(TRACE_ID.slice(4));
  });

  test("blanks around it mean nothing", async () => {
    for (const value of [` ${TRACEPARENT}`, `\t${TRACEPARENT}`, `${TRACEPARENT} `, ` \t${TRACEPARENT}\t `]) {
      await rawHttp1(
        traced.envoy.port,
        Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\ntraceparent:${value}\r\n\r\n`),
      );
      expect(traced.arrived().traceparent).toContain(TRACE_ID);
    }
  });
});

describe("tracestate", () => {
  test("several lines are one list, in their order", async () => {
    expect(await state("a=1,b=2", "c=3", "d=4,e=5")).toBe("a=1,b=2,c=3,d=4,e=5");
  });

  test("empty lines and members are none", async () => {
    expect(await state("")).toBeUndefined();
    expect(await state("", "a=1")).toBe("a=1");
    expect(await state("a=1", "")).toBe("a=1");
    expect(await state(", ,a=1,,\t,b=2,")).toBe("a=1,b=2");
  });

  test("blanks around members mean nothing, and those before a value belong to it", async () => {
    expect(await state("a=1 \t , \t b=2,\t \tc=3")).toBe("a=1,b=2,c=3");
    expect(await state("\t a=1 \t")).toBe("a=1");
    expect(await state("a=  x y  ,b=2")).toBe("a=  x y,b=2");
  });

  test("keys and values may have every byte of the grammar", async () => {
    const key = "z0_-*/@a";
    const value = Array.from({ length: 0x5f }, (_, i) => String.fromCharCode(0x20 + i))
      .filter((byte) => byte !== "," && byte !== "=")
      .join("");
    expect(await state(`${key}=${value}`)).toBe(`${key}=${value}`);
  });

  test("keys are those of Level 2", async () => {
    for (const key of ["0", "1a", "a@", "a@@b", "a@b@c", "k".repeat(256), `${"t".repeat(250)}@v`]) {
      expect(await state(`${key}=1,b=2`)).toBe(`${key}=1,b=2`);
    }
  });

  test("a key that comes twice costs nobody else anything, and its first entry stays", async () => {
    expect(await state("a=1,a=1")).toBe("a=1");
    expect(await state("a=1,b=2,a=3,c=4")).toBe("a=1,b=2,c=4");
    expect(await state("a=1", "a=2", "b=3")).toBe("a=1,b=3");
  });

  test("a broken member costs nobody else anything", async () => {
    for (const broken of [
      "K=1",
      "k =1",
      "k.k=1",
      "_k=1",
      "k",
      "=1",
      "k=1=2",
      "k=é",
      `k=${"v".repeat(257)}`,
    ]) {
      expect(await state(broken)).toBeUndefined();
      expect(await state(`a=1,${broken},b=2`)).toBe("a=1,b=2");
      expect(await state(broken, "a=1")).toBe("a=1");
    }
  });

  test("what the W3C's suite wants dropped costs the whole list", async () => {
    for (const breaking of ["k=", "@k=1", `${"k".repeat(257)}=1`]) {
      expect(await state(`a=1,${breaking},b=2`)).toBeUndefined();
      expect(await state("a=1", breaking)).toBeUndefined();
    }
  });

  test("it has at most 32 members", async () => {
    expect(await state(members(1, 20), members(21, 32))).toBe(members(1, 32));
    expect(await state(members(1, 20), `,${members(21, 32)}, ,K=1,k1=again`)).toBe(members(1, 32));
    expect(await state(members(1, 20), members(21, 33))).toBeUndefined();
  });

  test("512 bytes of it go on, commas included", async () => {
    const whole = `a=${"x".repeat(126)},b=${"x".repeat(126)},c=${"x".repeat(126)},d=${"x".repeat(123)}`;
    expect(whole).toHaveLength(512);
    expect(await state(whole)).toBe(whole);
    expect(await state(`${whole}x`)).toBe(whole.slice(0, whole.lastIndexOf(",")));
    expect(await state(`l=${"x".repeat(127)},${whole.slice(0, -2)}`)).toBe(whole.slice(0, -2));
  });

  test("alone, or under another name, it is none", async () => {
    expect((await hop(["tracestate", "a=1"])).tracestate).toBeUndefined();
    expect((await hop(["traceparent", TRACEPARENT], ["trace-state", "a=1"])).tracestate).toBeUndefined();
    expect((await hop(["traceparent", TRACEPARENT], ["TraceState", "a=1"])).tracestate).toBe("a=1");
  });
});
