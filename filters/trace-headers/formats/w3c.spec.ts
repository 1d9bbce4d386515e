// The grammar of `traceparent`.

import { Bytes } from "../../../assembly/text/bytes";
import { Sampling, Trace } from "../trace";
import { readTraceparent } from "./w3c";

const TRACE_ID: string = "0af7651916cd43dd8448eb211c80319c";
const SPAN_ID: string = "b7ad6b7169203331";
const VALID: string = "00-" + TRACE_ID + "-" + SPAN_ID + "-01";

const trace = new Trace();

function reads(value: string): bool {
  trace.clear();
  return readTraceparent(Bytes.of(value), trace);
}

/** `VALID` with another byte at `index`. */
function withByte(index: i32, byte: u8): bool {
  const value = Bytes.of(VALID);
  store<u8>(value.ptr + index, byte);
  trace.clear();
  return readTraceparent(value, trace);
}

describe("readTraceparent", () => {
  it("takes the ids and the sampled flag", () => {
    expect(reads(VALID)).toBe(true);
    expect(trace.traceId.toString()).toBe(TRACE_ID);
    expect(trace.parentId.toString()).toBe(SPAN_ID);
    expect(trace.continued).toBe(true);
    expect(trace.sampling).toBe(Sampling.Accept);
    expect(reads("00-" + TRACE_ID + "-" + SPAN_ID + "-00")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Deny);
  });

  it("reads flags as bits", () => {
    expect(reads("00-" + TRACE_ID + "-" + SPAN_ID + "-09")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Accept);
    expect(trace.random).toBe(false);
    expect(reads("00-" + TRACE_ID + "-" + SPAN_ID + "-fe")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Deny);
    expect(trace.random).toBe(true);
  });

  it("refuses version 00 of any other size", () => {
    expect(reads(VALID + "-")).toBe(false);
    expect(reads(VALID + "-what-the-future-will-be-like")).toBe(false);
    expect(reads(VALID + ".")).toBe(false);
    expect(reads(VALID + " ")).toBe(false);
    expect(reads(" " + VALID)).toBe(false);
    for (let size = 0; size < VALID.length; size++) expect(reads(VALID.substring(0, size))).toBe(false);
  });

  it("reads the known part of a later version", () => {
    const later = "cc" + VALID.substring(2);
    expect(reads(later)).toBe(true);
    expect(trace.traceId.toString()).toBe(TRACE_ID);
    expect(reads(later + "-what-the-future-will-be-like")).toBe(true);
    expect(reads(later + "-")).toBe(true);
    expect(reads(later + ".what-the-future-will-be-like")).toBe(false);
    expect(reads(later.substring(0, 54))).toBe(false);
    expect(reads("01" + VALID.substring(2, 53) + "03")).toBe(true);
    expect(trace.sampling).toBe(Sampling.Accept);
    expect(trace.random).toBe(false);
  });

  it("limits the size of a later version", () => {
    const later = "fe" + VALID.substring(2) + "-";
    expect(reads(later + "x".repeat(512 - later.length))).toBe(true);
    expect(reads(later + "x".repeat(513 - later.length))).toBe(false);
  });

  it("refuses version ff and invalid versions", () => {
    expect(reads("ff" + VALID.substring(2))).toBe(false);
    expect(reads("ff" + VALID.substring(2) + "-x")).toBe(false);
    expect(reads("0" + VALID.substring(2))).toBe(false);
    expect(reads("000" + VALID.substring(2))).toBe(false);
    expect(reads(".0" + VALID.substring(2))).toBe(false);
    expect(reads("0." + VALID.substring(2))).toBe(false);
    expect(reads("CC" + VALID.substring(2))).toBe(false);
  });

  it("refuses ids of zeros only, and accepts ids with one other digit", () => {
    expect(reads("00-00000000000000000000000000000000-" + SPAN_ID + "-01")).toBe(false);
    expect(reads("00-" + TRACE_ID + "-0000000000000000-01")).toBe(false);
    expect(reads("00-00000000000000000000000000000001-0000000000000001-01")).toBe(true);
    expect(reads("00-10000000000000000000000000000000-1000000000000000-01")).toBe(true);
  });

  it("refuses at every place every byte of another kind", () => {
    for (let i = 0; i < VALID.length; i++) {
      const isDash = VALID.charCodeAt(i) == 0x2d;
      expect(withByte(i, 0x2d)).toBe(isDash);
      expect(withByte(i, 0x41)).toBe(false);
      expect(withByte(i, 0x46)).toBe(false);
      expect(withByte(i, 0x67)).toBe(false);
      expect(withByte(i, 0x2f)).toBe(false);
      expect(withByte(i, 0x3a)).toBe(false);
      expect(withByte(i, 0x60)).toBe(false);
      expect(withByte(i, 0)).toBe(false);
      expect(withByte(i, 0xff)).toBe(false);
      expect(withByte(i, 0xb0)).toBe(false);
    }
  });

  it("does not change the trace when it refuses", () => {
    expect(reads(VALID)).toBe(true);
    const zeros = "00-00000000000000000000000000000000-" + SPAN_ID + "-00";
    expect(readTraceparent(Bytes.of(zeros), trace)).toBe(false);
    expect(trace.traceId.toString()).toBe(TRACE_ID);
    expect(trace.sampling).toBe(Sampling.Accept);
  });
});
