// The grammar of B3, in one header and in several.

import { Bytes } from "../../assembly/text/bytes";
import { readB3, readB3Multi } from "./b3";
import { Sampling, Trace } from "./trace";

const TRACE_ID: string = "80f198ee56343ba864fe8b2a57d3eff7";
const SHORT_ID: string = "64fe8b2a57d3eff7";
const SPAN_ID: string = "e457b5a2e4d86bd1";
const PARENT_ID: string = "05e3ac9a4f6e3b90";

const trace = new Trace();

function reads(value: string): bool {
  trace.clear();
  return readB3(Bytes.of(value), trace);
}

/** An `x-b3-*` header; absent for "-". */
function header(value: string): Bytes | null {
  return value == "-" ? null : Bytes.of(value);
}

function readsMulti(traceId: string, spanId: string, parentId: string, sampled: string, flags: string): bool {
  trace.clear();
  return readB3Multi(
    header(traceId),
    header(spanId),
    header(parentId),
    header(sampled),
    header(flags),
    trace,
  );
}

describe("readB3", () => {
  it("takes ids, decision and parent", () => {
    expect(reads(TRACE_ID + "-" + SPAN_ID + "-1-" + PARENT_ID)).toBe(true);
    expect(trace.traceId.toString()).toBe(TRACE_ID);
    expect(trace.parentId.toString()).toBe(SPAN_ID);
    expect(trace.sampling).toBe(Sampling.Accept);
    expect(trace.continued).toBe(true);
    expect(reads(TRACE_ID + "-" + SPAN_ID + "-0")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Deny);
    expect(reads(TRACE_ID + "-" + SPAN_ID + "-d")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Debug);
    expect(reads(TRACE_ID + "-" + SPAN_ID)).toBe(true);
    expect(trace.sampling).toBe(Sampling.Defer);
  });

  it("pads a trace id of 64 bits", () => {
    expect(reads(SHORT_ID + "-" + SPAN_ID + "-1")).toBe(true);
    expect(trace.traceId.toString()).toBe("0000000000000000" + SHORT_ID);
    expect(trace.parentId.toString()).toBe(SPAN_ID);
  });

  it("accepts a decision alone", () => {
    expect(reads("0")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Deny);
    expect(trace.continued).toBe(false);
    expect(reads("1")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Accept);
    expect(reads("d")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Debug);
  });

  it("refuses an invalid decision", () => {
    expect(reads("")).toBe(false);
    expect(reads("2")).toBe(false);
    expect(reads("D")).toBe(false);
    expect(reads("-")).toBe(false);
    expect(reads("true")).toBe(false);
    expect(reads(TRACE_ID + "-" + SPAN_ID + "-2")).toBe(false);
    expect(reads(TRACE_ID + "-" + SPAN_ID + "-true")).toBe(false);
    expect(reads(TRACE_ID + "-" + SPAN_ID + "-2-" + PARENT_ID)).toBe(false);
    expect(trace.continued).toBe(false);
  });

  it("refuses ids of a wrong size, kind or value", () => {
    expect(reads(TRACE_ID.substring(1) + "-" + SPAN_ID + "-1")).toBe(false);
    expect(reads("0" + TRACE_ID + "-" + SPAN_ID + "-1")).toBe(false);
    expect(reads(TRACE_ID.toUpperCase() + "-" + SPAN_ID + "-1")).toBe(false);
    expect(reads("0".repeat(32) + "-" + SPAN_ID + "-1")).toBe(false);
    expect(reads("0".repeat(16) + "-" + SPAN_ID + "-1")).toBe(false);
    expect(reads(TRACE_ID + "-" + "0".repeat(16) + "-1")).toBe(false);
    expect(reads(TRACE_ID + "-" + SPAN_ID.toUpperCase() + "-1")).toBe(false);
    expect(reads(TRACE_ID + "-" + SPAN_ID + "-1-" + "0".repeat(16))).toBe(false);
    expect(reads(TRACE_ID + "-" + SPAN_ID + "-1-" + PARENT_ID.toUpperCase())).toBe(false);
  });

  it("refuses a header that is cut off or too long", () => {
    const whole = TRACE_ID + "-" + SPAN_ID + "-1-" + PARENT_ID;
    for (let size = 0; size < whole.length; size++) {
      const complete = size == TRACE_ID.length + 17 || size == TRACE_ID.length + 19;
      expect(reads(whole.substring(0, size))).toBe(complete);
    }
    expect(reads(whole + "-")).toBe(false);
    expect(reads(whole + "0")).toBe(false);
    expect(reads(whole + " ")).toBe(false);
    expect(reads("x".repeat(60 * 1024))).toBe(false);
    expect(reads("-".repeat(68))).toBe(false);
  });

  it("refuses another separator", () => {
    expect(reads(TRACE_ID + ":" + SPAN_ID + "-1")).toBe(false);
    expect(reads(TRACE_ID + "-" + SPAN_ID + ":1")).toBe(false);
    expect(reads(TRACE_ID + "-" + SPAN_ID + "-1:" + PARENT_ID)).toBe(false);
  });
});

describe("readB3Multi", () => {
  it("takes ids, decision and parent", () => {
    expect(readsMulti(TRACE_ID, SPAN_ID, PARENT_ID, "1", "-")).toBe(true);
    expect(trace.traceId.toString()).toBe(TRACE_ID);
    expect(trace.parentId.toString()).toBe(SPAN_ID);
    expect(trace.sampling).toBe(Sampling.Accept);
    expect(readsMulti(SHORT_ID, SPAN_ID, "-", "-", "-")).toBe(true);
    expect(trace.traceId.toString()).toBe("0000000000000000" + SHORT_ID);
    expect(trace.sampling).toBe(Sampling.Defer);
  });

  it("accepts every spelling of a decision", () => {
    expect(readsMulti(TRACE_ID, SPAN_ID, "-", "true", "-")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Accept);
    expect(readsMulti(TRACE_ID, SPAN_ID, "-", "false", "0")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Deny);
    expect(readsMulti(TRACE_ID, SPAN_ID, "-", "-", "0")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Defer);
    expect(readsMulti(TRACE_ID, SPAN_ID, "-", "0", "1")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Debug);
  });

  it("accepts a decision alone", () => {
    expect(readsMulti("-", "-", "-", "0", "-")).toBe(true);
    expect(trace.continued).toBe(false);
    expect(trace.sampling).toBe(Sampling.Deny);
    expect(readsMulti("-", "-", "-", "-", "1")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Debug);
    expect(readsMulti("-", "-", "-", "-", "0")).toBe(false);
  });

  it("refuses one id without the other", () => {
    expect(readsMulti(TRACE_ID, "-", "-", "1", "-")).toBe(false);
    expect(readsMulti("-", SPAN_ID, "-", "1", "-")).toBe(false);
    expect(readsMulti("-", "-", PARENT_ID, "1", "-")).toBe(false);
    expect(trace.sampling).toBe(Sampling.Defer);
  });

  it("refuses invalid values", () => {
    expect(readsMulti("", SPAN_ID, "-", "1", "-")).toBe(false);
    expect(readsMulti(TRACE_ID, "", "-", "1", "-")).toBe(false);
    expect(readsMulti(TRACE_ID, SPAN_ID, "", "1", "-")).toBe(false);
    expect(readsMulti(TRACE_ID, SPAN_ID, "-", "", "-")).toBe(false);
    expect(readsMulti(TRACE_ID, SPAN_ID, "-", "1", "")).toBe(false);
    expect(readsMulti(TRACE_ID.toUpperCase(), SPAN_ID, "-", "1", "-")).toBe(false);
    expect(readsMulti("0".repeat(32), SPAN_ID, "-", "1", "-")).toBe(false);
    expect(readsMulti(TRACE_ID, "0".repeat(16), "-", "1", "-")).toBe(false);
    expect(readsMulti(TRACE_ID, SPAN_ID, "0".repeat(16), "1", "-")).toBe(false);
    expect(readsMulti(TRACE_ID, SPAN_ID + "0", "-", "1", "-")).toBe(false);
    expect(readsMulti(TRACE_ID, SPAN_ID, "-", "True", "-")).toBe(false);
    expect(readsMulti(TRACE_ID, SPAN_ID, "-", "d", "-")).toBe(false);
    expect(readsMulti(TRACE_ID, SPAN_ID, "-", "1", "2")).toBe(false);
    expect(trace.continued).toBe(false);
  });
});
