// B3 as stock Envoy's own Zipkin tracer reads it: whatever trace the tracer goes on with, the
// filter goes on with too, under the same id and with the same decision.

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { HeaderList } from "../../../kit/traffic.js";
import { Random } from "../../agreement/random.js";
import { startTraceEnvoy, type TraceEnvoy } from "./trace-envoy.js";
import { startTracerEnvoy, type TracerEnvoy } from "./tracer-envoy.js";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const LOW = TRACE_ID.slice(16);
const SPAN_ID = "00f067aa0ba902b7";
const PARENT_ID = "05e3ac9a4f6e3b90";
/** As the tracer writes ids and a decision. */
const WRITTEN = /^((?:[0-9a-f]{16}){1,2})-[0-9a-f]{16}-([01d])(?:-[0-9a-f]{16})?$/;
const RANDOM_REQUESTS = 80;

/** What became of a trace. A trace that is not `continued` has an id of the proxy's own. */
interface Trace {
  readonly continued: boolean;
  readonly traceId?: string;
  readonly sampled: boolean;
}

let upstream: Upstream;
let zipkin: TracerEnvoy;
let traced: TraceEnvoy;

beforeAll(async () => {
  upstream = await startUpstream();
  [zipkin, traced] = await Promise.all([startTracerEnvoy(upstream.port), startTraceEnvoy()]);
  await traced.configure({ accept: ["b3", "b3-multi"], write: ["w3c", "b3-multi"] });
});

afterAll(async () => {
  await zipkin?.[Symbol.asyncDispose]();
  await traced?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
});

beforeEach(() => {
  showLogsOnFailure(traced.envoy);
});

/** Several fields, each with a name after `x-b3-`. */
const multi = (...fields: readonly (readonly [string, string])[]): HeaderList =>
  fields.map(([name, value]) => [`x-b3-${name}`, value]);
const single = (...values: readonly string[]): HeaderList => values.map((value) => ["b3", value]);
const IDS = [
  ["traceid", TRACE_ID],
  ["spanid", SPAN_ID],
] as const;

/** What the tracer did; `undefined` where it gave up and passed the headers on as they came. */
async function inZipkin(headers: HeaderList): Promise<Trace | undefined> {
  const ids: string[] = [];
  let sampled = false;
  // The id of a trace that starts here is another one each time.
  for (let i = 0; i < 2; i++) {
    expect((await send(zipkin.url, { headers })).status).toBe(200);
    const written = writtenByTracer(Object.fromEntries(upstream.requests.at(-1)?.headers ?? []), headers);
    if (written === undefined) return undefined;
    ids.push((written[1] ?? "").padStart(32, "0"));
    sampled = written[2] !== "0";
  }
  const [traceId = ""] = ids;
  return ids[0] === ids[1] ? { continued: true, traceId, sampled } : { continued: false, sampled };
}

/**
 * Trace id and decision. From 1.40 on the tracer writes one header where one came, and then leaves
 * the others as they were.
 */
function writtenByTracer(after: Record<string, string>, before: HeaderList): readonly string[] | undefined {
  const { "x-b3-traceid": id, "x-b3-spanid": span, "x-b3-sampled": sampled, b3 = "" } = after;
  const isSame = b3 === "" || before.some(([name, value]) => name === "b3" && value === b3);
  return WRITTEN.exec(isSame && id !== undefined ? `${id}-${span}-${sampled}` : b3) ?? undefined;
}

async function inFilter(headers: HeaderList): Promise<Trace> {
  expect((await send(traced.envoy.url, { headers })).status).toBe(200);
  const fields = traced.arrived();
  const [, traceId = "", , flags] = fields.traceparent?.split("-") ?? [];
  const continued = fields["x-b3-parentspanid"] !== undefined;
  return continued ? { continued, traceId, sampled: flags === "01" } : { continued, sampled: flags === "01" };
}

test.each<[string, HeaderList, Trace]>([
  ["an empty parent", multi(...IDS, ["parentspanid", ""], ["sampled", "0"]), goesOn(false)],
  ["upper case", multi(["traceid", TRACE_ID.toUpperCase()], IDS[1], ["sampled", "0"]), goesOn(false)],
  ["ids of 64 bits", multi(["traceid", LOW], IDS[1], ["sampled", "1"]), goesOn(true, LOW)],
  ["short ids", multi(["traceid", "abc"], ["spanid", "1"], ["sampled", "0"]), goesOn(false, "abc")],
  ["long zeros", multi(["traceid", `0000${LOW}`], IDS[1], ["sampled", "0"]), goesOn(false, LOW)],
  ["0x before an id", multi(["traceid", "0xAbC"], IDS[1], ["sampled", "0"]), goesOn(false, "abc")],
  ["a span of zeros", multi(IDS[0], ["spanid", "0"], ["sampled", "0"]), goesOn(false)],
  ["true", multi(...IDS, ["sampled", "true"]), goesOn(true)],
  ["false", multi(...IDS, ["sampled", "false"]), goesOn(false)],
  ["no decision", multi(...IDS), goesOn(true)],
  ["a decision that is no word of B3", multi(...IDS, ["sampled", "True"]), goesOn(false)],
  ["an empty decision", multi(...IDS, ["sampled", ""]), goesOn(false)],
  ["empty flags", multi(...IDS, ["sampled", "0"], ["flags", ""]), goesOn(false)],
  ["flags 0", multi(...IDS, ["sampled", "0"], ["flags", "0"]), goesOn(false)],
  ["debug", multi(...IDS, ["flags", "1"]), goesOn(true)],
  ["repeated ids", multi(...IDS, ["traceid", PARENT_ID], ["sampled", "0"]), goesOn(false)],
  ["repeated decisions", multi(...IDS, ["sampled", "0"], ["sampled", "1"]), goesOn(false)],
  ["no span id", multi(IDS[0], ["sampled", "0"]), starts(false)],
  ["no trace id", multi(IDS[1], ["sampled", "0"]), starts(false)],
  ["a decision alone", multi(["sampled", "0"]), starts(false)],
  ["debug alone", multi(["flags", "1"]), starts(true)],
  ["nothing", [], starts(true)],
  ["one header", single(`${TRACE_ID}-${SPAN_ID}-0`), goesOn(false)],
  ["one header without a decision", single(`${TRACE_ID}-${SPAN_ID}`), goesOn(true)],
  ["one header with a parent", single(`${LOW}-${SPAN_ID}-0-${PARENT_ID}`), goesOn(false, LOW)],
  ["one header in upper case", single(`${TRACE_ID}-${SPAN_ID}-0`.toUpperCase()), goesOn(false)],
  ["one header, debug", single(`${TRACE_ID}-${SPAN_ID}-d`), goesOn(true)],
  ["one header that is repeated", single(`${TRACE_ID}-${SPAN_ID}-0`, `${LOW}-${SPAN_ID}-1`), goesOn(false)],
  ["one header with 0 alone", single("0"), starts(false)],
  ["one header with d alone", single("d"), starts(true)],
  ["one header before several", [...single("0"), ...multi(...IDS, ["sampled", "1"])], starts(false)],
])("the same as in Envoy's tracer: %s", async (_, headers, expected) => {
  expect(await inZipkin(headers)).toEqual(expected);
  expect(await inFilter(headers)).toEqual(expected);
});

test.each<[string, HeaderList, Trace]>([
  ["a parent that is no id", multi(...IDS, ["parentspanid", "?"], ["sampled", "0"]), goesOn(false)],
  ["one header with an empty parent", single(`${TRACE_ID}-${SPAN_ID}-0-`), goesOn(false)],
  ["ids that are none", multi(["traceid", "?"], IDS[1], ["sampled", "0"]), starts(false)],
  ["empty ids", multi(["traceid", ""], ["spanid", ""], ["sampled", "0"]), starts(false)],
  ["one header with ids that are none", single(`${"?".repeat(32)}-${SPAN_ID}-0`), starts(false)],
  [
    "one header with ids that are none, before several",
    [...single(`?-${SPAN_ID}-0`), ...multi(...IDS, ["sampled", "0"])],
    goesOn(false),
  ],
])("where Envoy's tracer gives up, and passes everything on: %s", async (_, headers, expected) => {
  expect(await inFilter(headers)).toEqual(expected);
});

test("a trace id of zeros, which W3C has no form for, is the one that the filter does not go on with", async () => {
  const headers = multi(["traceid", "0".repeat(32)], IDS[1], ["sampled", "0"]);
  expect(await inZipkin(headers)).toEqual(goesOn(false, "0"));
  expect(await inFilter(headers)).toEqual(starts(false));
});

test("random headers, with faults in them", async () => {
  const random = new Random(13);
  const seen = { continued: 0, started: 0, givenUp: 0 };
  for (let i = 0; i < RANDOM_REQUESTS; i++) {
    const headers = randomHeaders(random);
    const [native, ours] = [await inZipkin(headers), await inFilter(headers)];
    seen[native === undefined ? "givenUp" : native.continued ? "continued" : "started"]++;
    if (native !== undefined) expect({ headers, trace: ours }).toEqual({ headers, trace: native });
  }
  for (const times of Object.values(seen)) expect(times).toBeGreaterThan(5);
});

function goesOn(sampled: boolean, traceId = TRACE_ID): Trace {
  return { continued: true, traceId: traceId.padStart(32, "0"), sampled };
}

function starts(sampled: boolean): Trace {
  return { continued: false, sampled };
}

function randomHeaders(random: Random): HeaderList {
  const digits = (count: number) =>
    Array.from({ length: count }, () => random.pick([..."123456789abcdefABCDEF"])).join("");
  const id = (sizes: readonly number[]) =>
    random.pick(["", "", "", "", "0x", "00"]) + digits(random.pick(sizes));
  const faulty = (text: string) =>
    random.below(12) === 0 ? text.slice(0, -1) + random.pick(["g", "-", "", " 1", "+"]) : text;
  const decision = () => random.pick(["0", "1", "d", "0", "1", "true", "false", "", "2"]);
  if (random.below(5) === 0) return single(random.pick(["0", "1", "d", "", "2"]));
  if (random.below(2) === 0) {
    const parts = [digits(random.pick([16, 32, 32, 30])), digits(16)];
    if (random.below(4) > 0) parts.push(random.pick(["0", "1", "d", "0", "1", "x"]));
    if (parts.length === 3 && random.below(3) === 0) parts.push(digits(16));
    return single(faulty(parts.join("-")));
  }
  const fields: [string, string][] = [];
  if (random.below(8) > 0) fields.push(["traceid", faulty(id([32, 32, 16, 15, 3, 1]))]);
  if (random.below(8) > 0) fields.push(["spanid", faulty(id([16, 16, 8, 1]))]);
  if (random.below(2) === 0) fields.push(["parentspanid", random.pick([digits(16), "", "1"])]);
  if (random.below(4) > 0) fields.push(["sampled", decision()]);
  if (random.below(4) === 0) fields.push(["flags", random.pick(["", "0"])]);
  return multi(...fields);
}
