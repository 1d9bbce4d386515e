// The grammar of B3, in one header and in several.

import { Bytes } from "../../../assembly/text/bytes";
import { Sampling, Trace } from "../trace";
import { readB3, readB3Multi } from "./b3";

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

function readsMulti(traceId: string, spanId: string, sampled: string, flags: string): bool {
  trace.clear();
  return readB3Multi(header(traceId), header(spanId), header(sampled), header(flags), trace);
}

/** Whether `id` is read as a trace id of 64 bits, and as which. */
function readsAs(id: string): string {
  return readsMulti(id, SPAN_ID, "-", "-") ? trace.traceId.toString().substring(16) : "refused";
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

  it("takes digits of either case", () => {
    expect(reads(TRACE_ID.toUpperCase() + "-" + SPAN_ID.toUpperCase() + "-0")).toBe(true);
    expect(trace.traceId.toString()).toBe(TRACE_ID);
    expect(trace.parentId.toString()).toBe(SPAN_ID);
    expect(trace.sampling).toBe(Sampling.Deny);
  });

  it("refuses ids of a wrong size, kind or value, and keeps their decision", () => {
    const ids: string[] = [
      TRACE_ID.substring(1) + "-" + SPAN_ID,
      "0" + TRACE_ID + "-" + SPAN_ID,
      "0".repeat(32) + "-" + SPAN_ID,
      "0".repeat(16) + "-" + SPAN_ID,
      "g" + TRACE_ID.substring(1) + "-" + SPAN_ID,
      TRACE_ID + "-g" + SPAN_ID.substring(1),
    ];
    for (let i = 0; i < ids.length; i++) {
      expect(reads(ids[i] + "-0")).toBe(false);
      expect(trace.continued).toBe(false);
      // The first two have no place at which a decision could be.
      expect(trace.sampling).toBe(i < 2 ? Sampling.Defer : Sampling.Deny);
    }
  });

  it("refuses a header that is cut off, but needs nothing behind the decision", () => {
    const whole = TRACE_ID + "-" + SPAN_ID + "-1-" + PARENT_ID;
    for (let size = 0; size < whole.length; size++) {
      const complete = size == TRACE_ID.length + 17 || size >= TRACE_ID.length + 19;
      expect(reads(whole.substring(0, size))).toBe(complete);
    }
    expect(reads(TRACE_ID + "-" + SPAN_ID + "-0-?")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Deny);
    expect(reads("x".repeat(60 * 1024))).toBe(false);
    expect(reads("-".repeat(68))).toBe(false);
  });

  it("refuses another separator", () => {
    expect(reads(TRACE_ID + ":" + SPAN_ID + "-1")).toBe(false);
    expect(reads(TRACE_ID + "-" + SPAN_ID + ":1")).toBe(false);
    expect(reads(TRACE_ID + "-" + SPAN_ID + "-1:" + PARENT_ID)).toBe(false);
    expect(trace.sampling).toBe(Sampling.Defer);
  });
});

describe("readB3Multi", () => {
  it("takes ids and decision", () => {
    expect(readsMulti(TRACE_ID, SPAN_ID, "1", "-")).toBe(true);
    expect(trace.traceId.toString()).toBe(TRACE_ID);
    expect(trace.parentId.toString()).toBe(SPAN_ID);
    expect(trace.sampling).toBe(Sampling.Accept);
    expect(readsMulti(SHORT_ID, SPAN_ID, "-", "-")).toBe(true);
    expect(trace.traceId.toString()).toBe("0000000000000000" + SHORT_ID);
    expect(trace.sampling).toBe(Sampling.Defer);
  });

  it("reads ids as Envoy's tracer does", () => {
    expect(readsAs("1")).toBe("0000000000000001");
    expect(readsAs("AbC")).toBe("0000000000000abc");
    expect(readsAs("ffffffffffffffff")).toBe("ffffffffffffffff");
    expect(readsAs("0000ffffffffffffffff")).toBe("ffffffffffffffff");
    expect(readsAs("0xabc")).toBe("0000000000000abc");
    expect(readsAs("0XABC")).toBe("0000000000000abc");
    expect(readsAs(" \t0x1")).toBe("0000000000000001");
    const refused: string[] = ["", " ", "0x", "0x0x1", "+1", "-1", "1 ", "1g", "10000000000000000", "0"];
    for (let i = 0; i < refused.length; i++) expect(readsAs(refused[i])).toBe("refused");
    // Two numbers of 64 bits.
    expect(readsMulti("0x" + "1".repeat(14) + SHORT_ID, "0", "-", "-")).toBe(true);
    expect(trace.traceId.toString()).toBe("00" + "1".repeat(14) + SHORT_ID);
    expect(trace.parentId.toString()).toBe("0000000000000000");
    expect(readsMulti("1".repeat(31) + "g", SPAN_ID, "-", "-")).toBe(false);
    expect(readsMulti("1".repeat(33), SPAN_ID, "-", "-")).toBe(false);
  });

  it("takes every decision", () => {
    const denied: string[] = ["0", "false", "", "2", "True", "d"];
    for (let i = 0; i < denied.length; i++) {
      expect(readsMulti(TRACE_ID, SPAN_ID, denied[i], "-")).toBe(true);
      expect(trace.sampling).toBe(Sampling.Deny);
    }
    expect(readsMulti(TRACE_ID, SPAN_ID, "true", "0")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Accept);
    expect(readsMulti(TRACE_ID, SPAN_ID, "0", "1")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Debug);
  });

  it("does not let flags decide that say nothing", () => {
    const flags: string[] = ["0", "", "2", "d", "11"];
    for (let i = 0; i < flags.length; i++) {
      expect(readsMulti(TRACE_ID, SPAN_ID, "0", flags[i])).toBe(true);
      expect(trace.sampling).toBe(Sampling.Deny);
      expect(readsMulti(TRACE_ID, SPAN_ID, "-", flags[i])).toBe(true);
      expect(trace.sampling).toBe(Sampling.Defer);
      expect(readsMulti("-", "-", "-", flags[i])).toBe(false);
    }
  });

  it("accepts a decision alone", () => {
    expect(readsMulti("-", "-", "0", "-")).toBe(true);
    expect(trace.continued).toBe(false);
    expect(trace.sampling).toBe(Sampling.Deny);
    expect(readsMulti("-", "-", "-", "1")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Debug);
    expect(readsMulti("-", "-", "-", "-")).toBe(false);
  });

  it("refuses one id without the other, and invalid ids, and keeps their decision", () => {
    const ids: string[][] = [
      [TRACE_ID, "-"],
      ["-", SPAN_ID],
      [TRACE_ID, ""],
      ["", SPAN_ID],
      ["0".repeat(32), SPAN_ID],
      [TRACE_ID, SPAN_ID + "0"],
    ];
    for (let i = 0; i < ids.length; i++) {
      expect(readsMulti(ids[i][0], ids[i][1], "0", "-")).toBe(false);
      expect(trace.continued).toBe(false);
      expect(trace.sampling).toBe(Sampling.Deny);
    }
  });
});
