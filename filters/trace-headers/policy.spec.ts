// Which context is trusted, and what is written for it.

import { Bytes } from "../../assembly/text/bytes";
import { Format } from "./format";
import { writeB3, writeSampled } from "./formats/b3";
import { writeTraceparent } from "./formats/w3c";
import { IncomingHeaders } from "./incoming";
import { NO_SOURCE, Outcome, PolicySettings, TracePolicy } from "./policy";
import { RANDOM_SIZE, Sampling } from "./trace";

const LONGEST_VALUE: i32 = 74;

const W3C_ID: string = "0af7651916cd43dd8448eb211c80319c";
const W3C_SPAN: string = "b7ad6b7169203331";
const B3_ID: string = "80f198ee56343ba864fe8b2a57d3eff7";
const B3_SPAN: string = "e457b5a2e4d86bd1";
const MULTI_ID: string = "463ac35c9f6413ad48485a3953bb6124";
const MULTI_SPAN: string = "a2fb4a1d1a96d312";
const TRACEPARENT: string = "00-" + W3C_ID + "-" + W3C_SPAN + "-01";
const B3: string = B3_ID + "-" + B3_SPAN + "-0";

let settings = new PolicySettings();
let policy = new TracePolicy(settings);
const incoming = new IncomingHeaders();
const random = Bytes.owned(RANDOM_SIZE);

function add(name: string, value: string): void {
  incoming.add(Bytes.of(name), Bytes.of(value));
}

function addMulti(): void {
  add("x-b3-traceid", MULTI_ID);
  add("x-b3-spanid", MULTI_SPAN);
  add("x-b3-sampled", "1");
}

function decide(): void {
  policy.decide(incoming, random.ptr);
}

function expectNothingTrusted(outcome: Outcome): void {
  decide();
  expect(policy.outcome).toBe(outcome);
  expect(policy.source).toBe(NO_SOURCE);
  expect(policy.trace.traceId.toString()).toBe("000102030405060708090a0b0c0d0e0f");
}

describe("TracePolicy", () => {
  beforeEach(() => {
    settings = new PolicySettings();
    policy = new TracePolicy(settings);
    incoming.clear();
    for (let i = 0; i < RANDOM_SIZE; i++) store<u8>(random.ptr + i, <u8>i);
  });

  it("starts a trace when there is none", () => {
    add(":path", "/");
    add("x-request-id", "7");
    expectNothingTrusted(Outcome.Started);
    expect(policy.trace.spanId.toString()).toBe("1011121314151617");
    expect(policy.trace.sampling).toBe(Sampling.Accept);
    expect(policy.trace.continued).toBe(false);
  });

  it("never makes an id of zeros", () => {
    memory.fill(random.ptr, 0, RANDOM_SIZE);
    decide();
    expect(policy.trace.traceId.toString()).toBe("00000000000000000000000000000001");
    expect(policy.trace.spanId.toString()).toBe("0000000000000001");
  });

  it("trusts formats in the given order", () => {
    addMulti();
    add("b3", B3);
    add("traceparent", TRACEPARENT);
    decide();
    expect(policy.source).toBe(Format.W3c);
    expect(policy.outcome).toBe(Outcome.Continued);
    expect(policy.trace.traceId.toString()).toBe(W3C_ID);
    settings.accept = [Format.B3Multi, Format.W3c];
    decide();
    expect(policy.source).toBe(Format.B3Multi);
    expect(policy.trace.traceId.toString()).toBe(MULTI_ID);
    settings.accept = [Format.B3];
    decide();
    expect(policy.source).toBe(Format.B3);
    expect(policy.trace.parentId.toString()).toBe(B3_SPAN);
    expect(policy.trace.sampling).toBe(Sampling.Deny);
  });

  it("skips what is invalid, and says so", () => {
    add("traceparent", TRACEPARENT.toUpperCase());
    add("b3", "nonsense");
    addMulti();
    decide();
    expect(policy.source).toBe(Format.B3Multi);
    expect(policy.outcome).toBe(Outcome.Continued);
    expect(policy.invalidFormats).toBe((1 << Format.W3c) | (1 << Format.B3));
    expect(policy.trace.traceId.toString()).toBe(MULTI_ID);
  });

  it("restarts when nothing is valid", () => {
    add("traceparent", "");
    expectNothingTrusted(Outcome.Restarted);
    expect(policy.invalidFormats).toBe(1 << Format.W3c);
  });

  it("restarts when nothing is accepted", () => {
    settings.accept = [Format.B3];
    add("traceparent", TRACEPARENT);
    expectNothingTrusted(Outcome.Restarted);
    expect(policy.invalidFormats).toBe(0);
  });

  it("trusts nothing at the edge", () => {
    settings.trustIncoming = false;
    add("traceparent", TRACEPARENT);
    add("tracestate", "foo=1");
    add("b3", "d");
    addMulti();
    expectNothingTrusted(Outcome.Restarted);
    expect(policy.keepTracestate).toBe(false);
    expect(policy.invalidFormats).toBe(0);
  });

  it("trusts nothing when the headers are not known", () => {
    incoming.setUnknown();
    expectNothingTrusted(Outcome.Restarted);
    expect(policy.invalidFormats).toBe(0);
  });

  it("refuses a repeated traceparent, even an equal one", () => {
    add("traceparent", TRACEPARENT);
    add("traceparent", TRACEPARENT);
    expectNothingTrusted(Outcome.Restarted);
    expect(policy.invalidFormats).toBe(1 << Format.W3c);
  });

  it("reads the first of several equal names of B3", () => {
    add("b3", B3);
    add("b3", MULTI_ID + "-" + MULTI_SPAN + "-1");
    decide();
    expect(policy.source).toBe(Format.B3);
    expect(policy.trace.traceId.toString()).toBe(B3_ID);
    expect(policy.trace.sampling).toBe(Sampling.Deny);
    incoming.clear();
    addMulti();
    add("x-b3-traceid", B3_ID);
    add("x-b3-sampled", "0");
    decide();
    expect(policy.trace.traceId.toString()).toBe(MULTI_ID);
    expect(policy.trace.sampling).toBe(Sampling.Accept);
  });

  it("lets no field decide that it does not need", () => {
    addMulti();
    add("x-b3-parentspanid", "");
    add("x-b3-flags", "");
    decide();
    expect(policy.outcome).toBe(Outcome.Continued);
    expect(policy.trace.traceId.toString()).toBe(MULTI_ID);
    incoming.clear();
    add("x-b3-parentspanid", MULTI_SPAN);
    add("x-b3-flags", "0");
    expectNothingTrusted(Outcome.Restarted);
    expect(policy.invalidFormats).toBe(0);
  });

  it("keeps the decision of ids that are invalid, unless another format decides", () => {
    add("b3", "?".repeat(32) + "-" + B3_SPAN + "-0");
    add("x-b3-traceid", "");
    add("x-b3-spanid", "");
    add("x-b3-sampled", "1");
    expectNothingTrusted(Outcome.Restarted);
    expect(policy.invalidFormats).toBe((1 << Format.B3) | (1 << Format.B3Multi));
    expect(policy.trace.sampling).toBe(Sampling.Deny);
    settings.samplingRate = 0;
    settings.accept = [Format.B3Multi, Format.B3];
    expectNothingTrusted(Outcome.Restarted);
    expect(policy.trace.sampling).toBe(Sampling.Accept);
    settings.accept = [Format.B3, Format.W3c];
    add("traceparent", TRACEPARENT);
    decide();
    expect(policy.source).toBe(Format.W3c);
    expect(policy.trace.sampling).toBe(Sampling.Accept);
    incoming.clear();
    add("b3", "?".repeat(32) + "-" + B3_SPAN + "-1");
    add("x-b3-traceid", MULTI_ID);
    add("x-b3-spanid", MULTI_SPAN);
    settings.accept = [Format.B3, Format.B3Multi];
    decide();
    expect(policy.source).toBe(Format.B3Multi);
    expect(policy.trace.sampling).toBe(Sampling.Deny);
  });

  it("starts a trace with a decision that came without ids", () => {
    settings.samplingRate = 0;
    add("b3", "1");
    decide();
    expect(policy.outcome).toBe(Outcome.Started);
    expect(policy.source).toBe(Format.B3);
    expect(policy.trace.sampling).toBe(Sampling.Accept);
    incoming.clear();
    settings.samplingRate = 10_000;
    add("x-b3-sampled", "0");
    decide();
    expect(policy.outcome).toBe(Outcome.Started);
    expect(policy.source).toBe(Format.B3Multi);
    expect(policy.trace.sampling).toBe(Sampling.Deny);
  });

  it("keeps a tracestate only with its traceparent", () => {
    add("tracestate", "foo=1");
    decide();
    expect(policy.keepTracestate).toBe(false);
    add("b3", B3);
    decide();
    expect(policy.keepTracestate).toBe(false);
    add("traceparent", TRACEPARENT);
    decide();
    expect(policy.keepTracestate).toBe(true);
    expect(policy.invalidTracestate).toBe(false);
    settings.accept = [Format.B3, Format.W3c];
    decide();
    expect(policy.keepTracestate).toBe(false);
  });

  it("drops an invalid tracestate and keeps the traceparent", () => {
    add("traceparent", TRACEPARENT);
    add("tracestate", "foo=1,Bar=2");
    decide();
    expect(policy.keepTracestate).toBe(true);
    expect(policy.invalidTracestate).toBe(true);
    expect(incoming.tracestateUnchanged).toBe(false);
    add("tracestate", "baz=");
    decide();
    expect(policy.outcome).toBe(Outcome.Continued);
    expect(policy.keepTracestate).toBe(false);
    expect(policy.invalidTracestate).toBe(true);
  });

  it("forwards no tracestate of size 0", () => {
    settings.tracestateMaxBytes = 0;
    add("traceparent", TRACEPARENT);
    add("tracestate", "foo=1");
    decide();
    expect(policy.keepTracestate).toBe(false);
    expect(policy.invalidTracestate).toBe(false);
  });

  it("knows when the tracestate is unchanged", () => {
    add("traceparent", TRACEPARENT);
    add("tracestate", "foo=1,bar=2");
    decide();
    expect(incoming.tracestateUnchanged).toBe(true);
    add("tracestate", "baz=3");
    decide();
    expect(incoming.tracestateUnchanged).toBe(false);
    incoming.clear();
    add("traceparent", TRACEPARENT);
    add("tracestate", "foo=1, bar=2");
    decide();
    expect(incoming.tracestateUnchanged).toBe(false);
    incoming.clear();
    add("traceparent", TRACEPARENT);
    add("tracestate", "foo=1,bar=2,foo=3");
    decide();
    expect(policy.keepTracestate).toBe(true);
    expect(incoming.tracestateUnchanged).toBe(false);
  });

  it("samples by the rate", () => {
    settings.samplingRate = 2500;
    let sampled = 0;
    for (let draw: u64 = 0; draw < 10_000; draw++) {
      store<u64>(random.ptr + 24, draw);
      decide();
      if (policy.trace.sampling == Sampling.Accept) sampled++;
    }
    expect(sampled).toBe(2500);
  });

  it("decides by the rate what B3 left undecided, and nothing else", () => {
    settings.samplingRate = 0;
    add("b3", B3_ID + "-" + B3_SPAN);
    decide();
    expect(policy.trace.sampling).toBe(Sampling.Deny);
    incoming.clear();
    add("traceparent", TRACEPARENT);
    decide();
    expect(policy.trace.sampling).toBe(Sampling.Accept);
  });

  it("forgets the previous request", () => {
    add("traceparent", TRACEPARENT);
    add("tracestate", "=");
    add("b3", "?");
    decide();
    incoming.clear();
    expectNothingTrusted(Outcome.Started);
    expect(policy.invalidTracestate).toBe(false);
    expect(policy.trace.continued).toBe(false);
  });
});

const written = Bytes.owned(LONGEST_VALUE);

function text(size: i32): string {
  return new Bytes(written.ptr, size).toString();
}

describe("Trace", () => {
  beforeEach(() => {
    settings = new PolicySettings();
    policy = new TracePolicy(settings);
    incoming.clear();
    for (let i = 0; i < RANDOM_SIZE; i++) store<u8>(random.ptr + i, <u8>(0xf0 - i));
  });

  it("writes a continued trace with its parent", () => {
    add("traceparent", "cc-" + W3C_ID + "-" + W3C_SPAN + "-ff-more");
    decide();
    const span = "e0dfdedddcdbdad9";
    expect(text(writeTraceparent(policy.trace, written.ptr))).toBe("00-" + W3C_ID + "-" + span + "-01");
    expect(text(writeB3(policy.trace, written.ptr))).toBe(W3C_ID + "-" + span + "-1-" + W3C_SPAN);
    expect(text(writeSampled(policy.trace, written.ptr))).toBe("1");
  });

  it("writes a new trace without a parent", () => {
    settings.samplingRate = 0;
    decide();
    const ids = "f0efeeedecebeae9e8e7e6e5e4e3e2e1-e0dfdedddcdbdad9";
    expect(text(writeTraceparent(policy.trace, written.ptr))).toBe("00-" + ids + "-00");
    expect(text(writeB3(policy.trace, written.ptr))).toBe(ids + "-0");
    expect(text(writeSampled(policy.trace, written.ptr))).toBe("0");
  });

  it("keeps the random flag of version 00", () => {
    add("traceparent", TRACEPARENT.substring(0, 53) + "ff");
    decide();
    expect(text(writeTraceparent(policy.trace, written.ptr)).substring(53)).toBe("03");
    incoming.clear();
    add("traceparent", TRACEPARENT.substring(0, 53) + "02");
    decide();
    expect(text(writeTraceparent(policy.trace, written.ptr)).substring(53)).toBe("02");
  });

  it("keeps debug in B3, where W3C says sampled", () => {
    add("b3", B3_ID + "-" + B3_SPAN + "-d");
    decide();
    expect(text(writeTraceparent(policy.trace, written.ptr)).substring(53)).toBe("01");
    expect(text(writeB3(policy.trace, written.ptr)).substring(50)).toBe("d-" + B3_SPAN);
  });
});
