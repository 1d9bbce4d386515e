// The formats of AWS, Google Cloud, Datadog and SkyWalking, without a proxy: what is read, what is
// written for the next hop, and what a stranger cannot do with them.

import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type HostedModule, loadModule } from "../../kit/host/load.js";
import type { HeaderList } from "../../kit/traffic.js";
import { buildFilters } from "../../toolchain/compile/build.js";
import type { TraceHeadersConfig } from "./schema.js";

const HIGH = "5759e988bd862e3f";
const LOW = "e1be46a994272793";
const TRACE_ID = HIGH + LOW;
const SPAN_ID = "53995c3f42cd8ad8";
const LOW_DECIMAL = BigInt(`0x${LOW}`).toString();
const SPAN_DECIMAL = BigInt(`0x${SPAN_ID}`).toString();
const ROOT = `1-${TRACE_ID.slice(0, 8)}-${TRACE_ID.slice(8)}`;
const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;
/** The time of the host in process, in milliseconds. */
const HOST_TIME = Date.UTC(2026, 0, 1);
const MAX_64 = "18446744073709551615";

type Format = "xray" | "google-cloud" | "datadog" | "skywalking";

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

/** The headers that arrive, of which none may be repeated. */
function send(headers: HeaderList, others: HeaderList = [[":path", "/"]]): Record<string, string> {
  const exchange = module.exchange([...others, ...headers]);
  const request = exchange.request.slice(others.length);
  expect(new Set(request.map(([name]) => name)).size).toBe(request.length);
  return Object.fromEntries(request);
}

/** What became of a trace, as the next hop learns it by W3C and B3. */
function read(headers: HeaderList) {
  const { traceparent = "", b3 = "" } = send(headers);
  const [, traceId, , flags] = traceparent.split("-");
  const [, , decision, parent] = b3.split("-");
  return { traceId, parent, sampled: flags === "01", decision };
}

function counted(): Record<string, number> {
  const prefix = "meshwright.trace_headers.";
  return Object.fromEntries(
    [...module.metrics]
      .filter(([, value]) => value > 0)
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}

const reading = (...accept: readonly Format[]): TraceHeadersConfig => ({
  accept: [...accept],
  write: ["w3c", "b3"],
  sampling: 0,
});
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("AWS X-Ray", () => {
  const xray = (value: string): HeaderList => [["x-amzn-trace-id", value]];

  test.each([
    ["ids and a decision", `Root=${ROOT};Parent=${SPAN_ID};Sampled=1`, SPAN_ID, true],
    ["not sampled", `Root=${ROOT};Parent=${SPAN_ID};Sampled=0`, SPAN_ID, false],
    [
      "blanks, another order, and other fields",
      `Self=1-1-2; Sampled=1; Parent=${SPAN_ID} ;Root=${ROOT};A=b`,
      SPAN_ID,
      true,
    ],
    ["what a load balancer sends", `Root=${ROOT}`, undefined, false],
    ["a decision that is asked for", `Root=${ROOT};Parent=${SPAN_ID};Sampled=?`, SPAN_ID, false],
    ["a parent of zeros, which is none", `Root=${ROOT};Parent=${"0".repeat(16)};Sampled=1`, undefined, true],
    ["upper case", `Root=${ROOT.toUpperCase()};Parent=${SPAN_ID.toUpperCase()};Sampled=1`, SPAN_ID, true],
    ["a field behind the last separator", `Root=${ROOT};Sampled=1;`, undefined, true],
  ])("is read: %s", (_, value, parent, sampled) => {
    configure(reading("xray"));
    expect(read(xray(value))).toEqual({ traceId: TRACE_ID, parent, sampled, decision: sampled ? "1" : "0" });
    expect(counted()).toEqual({ "requests_total;outcome=continued;source=xray": 1 });
  });

  test.each([
    ["nothing", ""],
    ["no field", "Self=1"],
    ["a version that nobody knows", `Root=2${ROOT.slice(1)};Parent=${SPAN_ID};Sampled=1`],
    ["a root of zeros", `Root=1-00000000-${"0".repeat(24)};Sampled=1`],
    ["a root that is too short", `Root=${ROOT.slice(0, -1)};Sampled=1`],
    ["a root that is too long", `Root=${ROOT}0;Sampled=1`],
    ["a root that is no number", `Root=${ROOT.slice(0, -1)}g;Sampled=1`],
    ["a root without its dashes", `Root=1${TRACE_ID}aa;Sampled=1`],
    ["a parent that is too short", `Root=${ROOT};Parent=${SPAN_ID.slice(1)};Sampled=1`],
    ["a parent that is no number", `Root=${ROOT};Parent=${"z".repeat(16)};Sampled=1`],
    ["a parent without a root", `Parent=${SPAN_ID};Sampled=1`],
    ["two roots", `Root=${ROOT};Root=${ROOT};Sampled=1`],
    ["sixty kilobytes", `Root=${ROOT};Sampled=1;A=${"x".repeat(60 * 1024)}`],
    ["sixty thousand fields", `${";".repeat(60_000)}Root=${ROOT}`],
  ])("is refused: %s", (_, value) => {
    configure(reading("xray"));
    expect(read(xray(value)).traceId).not.toBe(TRACE_ID);
    expect(counted()).toEqual({
      "requests_total;outcome=restarted;source=none": 1,
      "invalid_total;source=xray": 1,
    });
  });

  test("gives a decision without ids, and beside ids that are none", () => {
    configure(reading("xray"));
    expect(read(xray("Sampled=1")).sampled).toBe(true);
    expect(read(xray("Root=?;Sampled=1")).sampled).toBe(true);
    expect(read(xray("Root=?;Sampled=2")).sampled).toBe(false);
    expect(counted()).toMatchObject({ "requests_total;outcome=started;source=xray": 1 });
  });

  test("that comes twice counts once, as in Envoy", () => {
    configure(reading("xray"));
    expect(read([...xray(`Root=${ROOT};Sampled=1`), ...xray("?")]).traceId).toBe(TRACE_ID);
    expect(read([...xray("?"), ...xray(`Root=${ROOT};Sampled=1`)]).traceId).not.toBe(TRACE_ID);
  });

  test("is written, with this hop's span and without the fields of others", () => {
    configure({ accept: ["xray", "w3c"], write: ["w3c", "xray"] });
    const { traceparent = "", ...rest } = send(xray(`Self=1-2;Root=${ROOT};Parent=${SPAN_ID};Sampled=0`));
    const span = traceparent.split("-")[2];
    expect(rest).toEqual({ "x-amzn-trace-id": `Root=${ROOT};Parent=${span};Sampled=0` });
    const other = send([["traceparent", TRACEPARENT]]);
    expect(other["x-amzn-trace-id"]).toMatch(new RegExp(`^Root=${ROOT};Parent=[0-9a-f]{16};Sampled=1$`));
  });

  test("has the time in a trace that starts here, in every format", () => {
    configure({ write: ["w3c", "xray"] });
    const { traceparent = "", "x-amzn-trace-id": written = "" } = send([]);
    const [, root = ""] =
      /^Root=1-([0-9a-f]{8}-[0-9a-f]{24});Parent=[0-9a-f]{16};Sampled=1$/.exec(written) ?? [];
    expect(traceparent.split("-")[1]).toBe(root.replace("-", ""));
    expect(Number.parseInt(root, 16) * 1000).toBe(HOST_TIME);
  });
});

describe("Google Cloud", () => {
  const google = (value: string): HeaderList => [["x-cloud-trace-context", value]];

  test.each([
    ["ids and a decision", `${TRACE_ID}/${SPAN_DECIMAL};o=1`, SPAN_ID, true],
    ["not sampled", `${TRACE_ID}/${SPAN_DECIMAL};o=0`, SPAN_ID, false],
    ["no decision", `${TRACE_ID}/${SPAN_DECIMAL}`, SPAN_ID, false],
    ["options with more bits", `${TRACE_ID}/${SPAN_DECIMAL};o=3`, SPAN_ID, true],
    ["a span of 0, which is none", `${TRACE_ID}/0;o=1`, undefined, true],
    ["no span", `${TRACE_ID};o=1`, undefined, true],
    ["the trace alone", TRACE_ID, undefined, false],
    ["upper case", `${TRACE_ID.toUpperCase()}/1;o=1`, "0000000000000001", true],
    ["the largest span", `${TRACE_ID}/${MAX_64};o=1`, "f".repeat(16), true],
    ["zeros before a span", `${TRACE_ID}/${"0".repeat(18)}17;o=1`, "0000000000000011", true],
  ])("is read: %s", (_, value, parent, sampled) => {
    configure(reading("google-cloud"));
    expect(read(google(value))).toEqual({
      traceId: TRACE_ID,
      parent,
      sampled,
      decision: sampled ? "1" : "0",
    });
    expect(counted()).toEqual({ "requests_total;outcome=continued;source=google-cloud": 1 });
  });

  test.each([
    ["nothing", ""],
    ["a decision alone", ";o=1"],
    ["a trace of zeros", `${"0".repeat(32)}/1;o=1`],
    ["a trace that is too short", `${TRACE_ID.slice(1)}/1;o=1`],
    ["a trace that is too long", `${TRACE_ID}0/1;o=1`],
    ["a trace that is no number", `${TRACE_ID.slice(1)}g/1;o=1`],
    ["an empty span", `${TRACE_ID}/;o=1`],
    ["a span of more than 64 bits", `${TRACE_ID}/18446744073709551616;o=1`],
    ["a span of many more bits", `${TRACE_ID}/99999999999999999999;o=1`],
    ["a span of too many digits", `${TRACE_ID}/${"0".repeat(20)}1;o=1`],
    ["a negative span", `${TRACE_ID}/-1;o=1`],
    ["a span in hexadecimal digits", `${TRACE_ID}/abc;o=1`],
    ["options that are no number", `${TRACE_ID}/1;o=x`],
    ["options of more than 32 bits", `${TRACE_ID}/1;o=4294967296`],
    ["empty options", `${TRACE_ID}/1;o=`],
    ["other parameters", `${TRACE_ID}/1;p=1`],
    ["sixty kilobytes", `${TRACE_ID}/${"1".repeat(60 * 1024)}`],
  ])("is refused: %s", (_, value) => {
    configure(reading("google-cloud"));
    expect(read(google(value)).traceId).not.toBe(TRACE_ID);
    expect(counted()).toEqual({
      "requests_total;outcome=restarted;source=none": 1,
      "invalid_total;source=google-cloud": 1,
    });
  });

  test("is written", () => {
    configure({ accept: ["google-cloud"], write: ["w3c", "google-cloud"] });
    const { traceparent = "", ...rest } = send(google(`${TRACE_ID}/${SPAN_DECIMAL};o=0`));
    const span = BigInt(`0x${traceparent.split("-")[2]}`).toString();
    expect(rest).toEqual({ "x-cloud-trace-context": `${TRACE_ID}/${span};o=0` });
  });
});

describe("Datadog", () => {
  const datadog = (fields: Readonly<Record<string, string>>): HeaderList =>
    Object.entries(fields).map(([name, value]) => [`x-datadog-${name}`, value]);
  const IDS = { "trace-id": LOW_DECIMAL, "parent-id": SPAN_DECIMAL };
  const TID = `_dd.p.tid=${HIGH}`;

  test.each<[string, Record<string, string>, string, string | undefined, boolean]>([
    ["ids and a decision", { ...IDS, "sampling-priority": "1" }, "0".repeat(16) + LOW, SPAN_ID, true],
    ["a rate's refusal", { ...IDS, "sampling-priority": "0" }, "0".repeat(16) + LOW, SPAN_ID, false],
    ["a person's refusal", { ...IDS, "sampling-priority": "-1" }, "0".repeat(16) + LOW, SPAN_ID, false],
    ["a person's decision", { ...IDS, "sampling-priority": "2" }, "0".repeat(16) + LOW, SPAN_ID, true],
    [
      "other numbers by their sign",
      { ...IDS, "sampling-priority": "-7" },
      "0".repeat(16) + LOW,
      SPAN_ID,
      false,
    ],
    ["no decision", IDS, "0".repeat(16) + LOW, SPAN_ID, false],
    ["an id of 128 bits", { ...IDS, tags: TID, "sampling-priority": "1" }, TRACE_ID, SPAN_ID, true],
    ["other tags", { ...IDS, tags: `_dd.p.dm=-4,${TID},_dd.p.usr.id=YQ==` }, TRACE_ID, SPAN_ID, false],
    ["a broken half of an id", { ...IDS, tags: "_dd.p.tid=12" }, "0".repeat(16) + LOW, SPAN_ID, false],
    ["tags that are none", { ...IDS, tags: `${TID},x` }, TRACE_ID, SPAN_ID, false],
    ["too many tags", { ...IDS, tags: `${TID},a=${"x".repeat(512)}` }, TRACE_ID, SPAN_ID, false],
    ["a parent of 0, which is none", { ...IDS, "parent-id": "0" }, "0".repeat(16) + LOW, undefined, false],
    [
      "no parent, where there is an origin",
      { "trace-id": LOW_DECIMAL, origin: "synthetics" },
      "0".repeat(16) + LOW,
      undefined,
      false,
    ],
    [
      "the largest ids",
      { "trace-id": MAX_64, "parent-id": MAX_64 },
      "0".repeat(16) + "f".repeat(16),
      "f".repeat(16),
      false,
    ],
  ])("is read: %s", (_, fields, traceId, parent, sampled) => {
    configure(reading("datadog"));
    expect(read(datadog(fields))).toEqual({ traceId, parent, sampled, decision: sampled ? "1" : "0" });
    expect(counted()).toEqual({ "requests_total;outcome=continued;source=datadog": 1 });
  });

  test.each<[string, Record<string, string>]>([
    ["a trace of 0", { ...IDS, "trace-id": "0" }],
    ["an empty trace", { ...IDS, "trace-id": "" }],
    ["a trace of more than 64 bits", { ...IDS, "trace-id": "18446744073709551616" }],
    ["a trace of many more bits", { ...IDS, "trace-id": "9".repeat(60 * 1024) }],
    ["a trace in hexadecimal digits", { ...IDS, "trace-id": LOW }],
    ["a negative trace", { ...IDS, "trace-id": "-1" }],
    ["a parent that is no number", { ...IDS, "parent-id": "x" }],
    ["no parent", { "trace-id": LOW_DECIMAL }],
    ["no trace", { "parent-id": SPAN_DECIMAL }],
    ["a priority that is no number", { ...IDS, "sampling-priority": "keep" }],
    ["a priority of a sign", { ...IDS, "sampling-priority": "-" }],
    ["a priority of two signs", { ...IDS, "sampling-priority": "--1" }],
    ["a long priority", { ...IDS, "sampling-priority": "1".repeat(10) }],
    ["an empty priority alone", { "sampling-priority": "" }],
  ])("is refused: %s", (_, fields) => {
    configure(reading("datadog"));
    expect(read(datadog(fields)).traceId).not.toContain(LOW);
    expect(counted()).toEqual({
      "requests_total;outcome=restarted;source=none": 1,
      "invalid_total;source=datadog": 1,
    });
  });

  test("that has a header twice counts once, as in Envoy", () => {
    configure({ accept: ["datadog"], write: ["datadog"] });
    const twice = { ...IDS, tags: TID, origin: "rum", "sampling-priority": "2" };
    const other = { "trace-id": "1", "parent-id": "1", tags: "a=b", origin: "x", "sampling-priority": "0" };
    expect(send([...datadog(twice), ...datadog(other)])).toEqual({
      "x-datadog-trace-id": LOW_DECIMAL,
      "x-datadog-parent-id": expect.stringMatching(/^\d+$/),
      "x-datadog-sampling-priority": "2",
      "x-datadog-tags": TID,
      "x-datadog-origin": "rum",
    });
  });

  test("gives a decision without ids", () => {
    configure(reading("datadog"));
    expect(read(datadog({ "sampling-priority": "2" })).sampled).toBe(true);
    expect(counted()).toEqual({ "requests_total;outcome=started;source=datadog": 1 });
  });

  test("is written, and passes on what only Datadog has words for", () => {
    configure({ accept: ["datadog"], write: ["w3c", "datadog"] });
    const tags = `_dd.p.dm=-4,${TID}`;
    const { traceparent = "", ...rest } = send(
      datadog({ ...IDS, "sampling-priority": "-1", origin: "rum", tags }),
    );
    expect(traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-00$`));
    expect(rest).toEqual({
      "x-datadog-trace-id": LOW_DECIMAL,
      "x-datadog-parent-id": BigInt(`0x${traceparent.split("-")[2]}`).toString(),
      "x-datadog-sampling-priority": "-1",
      "x-datadog-origin": "rum",
      "x-datadog-tags": tags,
    });
  });

  test("is written for the trace of another format", () => {
    configure({ write: ["datadog", "b3"] });
    const { b3 = "", ...rest } = send([["traceparent", TRACEPARENT]]);
    expect(rest).toEqual({
      "x-datadog-trace-id": LOW_DECIMAL,
      "x-datadog-parent-id": BigInt(`0x${b3.split("-")[1]}`).toString(),
      "x-datadog-sampling-priority": "1",
      "x-datadog-tags": TID,
    });
    expect(send([["b3", `${LOW}-${SPAN_ID}-d`]])).toMatchObject({ "x-datadog-sampling-priority": "2" });
    expect(send([["b3", `${LOW}-${SPAN_ID}-0`]])["x-datadog-tags"]).toBeUndefined();
  });

  test("has no form for a trace whose last 64 bits are 0", () => {
    configure({ write: ["datadog"] });
    expect(send([["traceparent", `00-${HIGH}${"0".repeat(16)}-${SPAN_ID}-01`], ...datadog(IDS)])).toEqual({});
  });

  test("does not pass on tags and origins that nobody checked", () => {
    configure({ accept: ["datadog"], write: ["datadog"] });
    for (const [name, value] of [
      ["origin", "x".repeat(129)],
      ["origin", "a\xffb"],
      ["tags", "x"],
      ["tags", `a=${"x".repeat(511)}`],
      ["tags", "a=\xff"],
      ["tags", "=1"],
      ["tags", "a=1,"],
    ] as const)
      expect(send(datadog({ ...IDS, [name]: value }))[`x-datadog-${name}`]).toBeUndefined();
    expect(send(datadog({ ...IDS, tags: `?,${TID}` }))["x-datadog-tags"]).toBe(TID);
  });

  test("keeps its own words where another format decided for the same trace, and loses those of another trace", () => {
    configure({ accept: ["w3c", "datadog"], write: ["w3c", "datadog"] });
    const tags = `_dd.p.dm=-4,${TID}`;
    const own = { "sampling-priority": "2", origin: "rum", tags };
    expect(send([["traceparent", TRACEPARENT], ...datadog({ ...IDS, ...own })])).toMatchObject({
      "x-datadog-sampling-priority": "2",
      "x-datadog-origin": "rum",
      "x-datadog-tags": tags,
    });
    const other = send([["traceparent", TRACEPARENT], ...datadog({ ...IDS, ...own, "trace-id": "1" })]);
    expect(other).toMatchObject({ "x-datadog-sampling-priority": "1", "x-datadog-tags": TID });
    expect(other["x-datadog-origin"]).toBeUndefined();
  });
});

describe("SkyWalking", () => {
  const JAVA_ID = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001";
  const sw8 = (fields: Readonly<Record<number, string>> = {}): string => {
    const own = ["1", base64(TRACE_ID), base64("4f2f27748b8e44ecaf18fe0347194e86"), "123"];
    const texts = [base64("shop"), base64("shop-1"), base64("/cart"), base64("orders:8080")];
    return Object.assign([...own, ...texts], fields).join("-");
  };
  const skywalking = (value: string): HeaderList => [["sw8", value]];
  /** The span that the collector's test has for segment and index. */
  const PARENT = "9b37d977cc970a6a";

  test.each([
    ["an id of 32 digits", sw8(), TRACE_ID, PARENT, true],
    ["not sampled", sw8({ 0: "0" }), TRACE_ID, PARENT, false],
    [
      "an id with dashes",
      sw8({ 1: base64("de5980b8-fce3-4a37-aab9-b4ac3af7eedd") }),
      "de5980b8fce34a37aab9b4ac3af7eedd",
      PARENT,
      true,
    ],
    ["base64 without padding", sw8({ 1: base64(TRACE_ID).replaceAll("=", "") }), TRACE_ID, PARENT, true],
    [
      "a segment of the Java agent",
      sw8({ 2: base64("4f2f27748b8e44ecaf18fe0347194e86.33.16560607369950066") }),
      TRACE_ID,
      "e9c455a82542306a",
      true,
    ],
    ["a segment of another form", sw8({ 2: base64("16560607369950066") }), TRACE_ID, undefined, true],
    ["empty texts", sw8({ 4: "", 5: "", 6: "", 7: "" }), TRACE_ID, PARENT, true],
  ])("is read: %s", (_, value, traceId, parent, sampled) => {
    configure(reading("skywalking"));
    expect(read(skywalking(value))).toEqual({ traceId, parent, sampled, decision: sampled ? "1" : "0" });
    expect(counted()).toEqual({ "requests_total;outcome=continued;source=skywalking": 1 });
  });

  test("has the id of the Java agent as the collector has it", () => {
    configure(reading("skywalking"));
    // 12 and 16563474296430001, the lowest byte first, over the last twelve bytes.
    const [thread, sequence] = [0x0c000000n, swapped(16563474296430001n)];
    const uuid = BigInt("0x56a5e1c519ae4c76a2b8b11d92cead7f") ^ ((thread << 64n) | sequence);
    const { traceId } = read(skywalking(sw8({ 1: base64(JAVA_ID) })));
    expect(traceId).toBe(uuid.toString(16));
  });

  test.each([
    JAVA_ID,
    "9".repeat(38),
    "x",
    "\0",
    "0".repeat(32),
    "56a5e1c519ae4c76a2b8b11d92cead7f.-1.2",
    "é".repeat(200),
  ])("has one id in other formats for each of its own: %j", (id) => {
    configure(reading("skywalking"));
    const { traceId } = read(skywalking(sw8({ 1: base64(id) })));
    expect(traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
    expect(read(skywalking(sw8({ 1: base64(id), 2: base64("other") }))).traceId).toBe(traceId);
    expect(read(skywalking(sw8({ 1: base64(`${id}0`) }))).traceId).not.toBe(traceId);
  });

  test.each([
    ["nothing", ""],
    ["rubbish", "a-b-c-d-e-f-g-h"],
    ["too few fields", sw8().split("-").slice(0, -1).join("-")],
    ["too many fields", `${sw8()}-`],
    ["another sample", sw8({ 0: "2" })],
    ["no sample", sw8({ 0: "" })],
    ["no trace", sw8({ 1: "" })],
    ["a trace that is no base64", sw8({ 1: "????" })],
    ["a trace with a length that no base64 has", sw8({ 1: "YWJjZ" })],
    ["no segment", sw8({ 2: "" })],
    ["a segment that is no base64", sw8({ 2: "a_b" })],
    ["no span", sw8({ 3: "" })],
    ["a negative span", sw8({ 3: "-1" })],
    ["a span of more than 31 bits", sw8({ 3: "2147483648" })],
    ["a span of too many digits", sw8({ 3: "9".repeat(60 * 1024) })],
    ["a text that is no base64", sw8({ 6: "/cart" })],
    ["sixty kilobytes", sw8({ 7: "A".repeat(60 * 1024) })],
    ["sixty thousand dashes", "-".repeat(60_000)],
  ])("is refused: %s", (_, value) => {
    configure(reading("skywalking"));
    expect(read(skywalking(value)).traceId).not.toBe(TRACE_ID);
    expect(counted()).toEqual({
      "requests_total;outcome=restarted;source=none": 1,
      "invalid_total;source=skywalking": 1,
    });
  });

  test("goes on as it came, because this hop reports no segment", () => {
    configure({ accept: ["skywalking"], write: ["w3c", "skywalking"], skywalking: { service: "edge" } });
    const headers: HeaderList = [
      ["sw8", sw8()],
      ["sw8-correlation", `${base64("a")}:${base64("b")},${base64("c")}:${base64("d")}`],
      ["sw8-x", "0-1700000000000"],
    ];
    const { traceparent, ...rest } = send(headers);
    expect(traceparent).toContain(TRACE_ID);
    expect(rest).toEqual(Object.fromEntries(headers));
  });

  test("that comes twice goes on once", () => {
    configure({ accept: ["skywalking"], write: ["skywalking"] });
    expect(send([...skywalking(sw8()), ...skywalking("?")])).toEqual({ sw8: sw8() });
  });

  test("loses companions that are not of its kind, and all without a trace of its own", () => {
    configure({ accept: ["skywalking"], write: ["skywalking"] });
    for (const [name, value] of [
      ["sw8-correlation", "a b\xff"],
      ["sw8-correlation", "x".repeat(2049)],
      ["sw8-x", "<script>"],
    ] as const)
      expect(Object.keys(send([...skywalking(sw8()), [name, value]]))).toEqual(["sw8"]);
    expect(
      send([
        ["sw8-correlation", "YQ==:Yg=="],
        ["sw8-x", "0"],
      ]),
    ).toEqual({});
  });

  test("is made where none came in, of what a proxy knows", () => {
    configure({ write: ["w3c", "skywalking"], skywalking: { service: "edge", instance: "edge-1" } });
    const target: HeaderList = [
      [":path", "/orders/7?token=secret"],
      [":authority", "shop.example"],
    ];
    const { traceparent = "", sw8: made = "" } = send([["traceparent", TRACEPARENT]], target);
    const fields = made.split("-");
    expect(
      fields.map((field, i) => (i === 0 || i === 3 ? field : Buffer.from(field, "base64").toString())),
    ).toEqual([
      "1",
      TRACE_ID,
      expect.stringMatching(/^[0-9a-f]{32}$/),
      "0",
      "edge",
      "edge-1",
      "/orders/7",
      "shop.example",
    ]);
    // The next hop reads this hop's span of it.
    configure(reading("skywalking"));
    expect(read(skywalking(made))).toMatchObject({ traceId: TRACE_ID, parent: traceparent.split("-")[2] });
  });

  test("is made with a long path and a long authority, which it cuts", () => {
    configure({ write: ["skywalking"], skywalking: { service: "é".repeat(35) } });
    const { sw8: made = "" } = send(
      [],
      [
        [":path", `/${"p".repeat(60 * 1024)}`],
        [":authority", "a".repeat(2000)],
      ],
    );
    const [, , , , service = "", instance, path = "", peer = ""] = made.split("-");
    expect(Buffer.from(service, "base64").toString()).toBe("é".repeat(35));
    expect(instance).toBe(service);
    expect(Buffer.from(path, "base64")).toHaveLength(150);
    expect(Buffer.from(peer, "base64")).toHaveLength(256);
  });

  test("is not made without a name", () => {
    configure({ write: ["w3c", "skywalking"] });
    expect(Object.keys(send([["traceparent", TRACEPARENT]]))).toEqual(["traceparent"]);
    expect(
      Object.keys(
        send([
          ["traceparent", TRACEPARENT],
          ["sw8", "x"],
        ]),
      ),
    ).toEqual(["traceparent"]);
  });
});

function swapped(value: bigint): bigint {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes.readBigUInt64BE();
}

describe("several formats", () => {
  const all: HeaderList = [
    ["x-amzn-trace-id", `Root=1-11111111-${"1".repeat(24)};Parent=${SPAN_ID};Sampled=0`],
    ["x-cloud-trace-context", `${"2".repeat(32)}/1;o=1`],
    ["x-datadog-trace-id", "3"],
    ["x-datadog-parent-id", "3"],
    ["sw8", ["1", base64("4".repeat(32)), base64("x"), "0", "", "", "", ""].join("-")],
  ];

  test("decide in their order of trust, and the others are written anew", () => {
    for (const [accept, traceId] of [
      [["xray", "google-cloud", "datadog", "skywalking"], "1".repeat(32)],
      [["google-cloud", "xray"], "2".repeat(32)],
      [["datadog", "skywalking"], "3".padStart(32, "0")],
      [["w3c", "skywalking", "xray"], "4".repeat(32)],
    ] as const) {
      configure({ accept: [...accept], write: ["xray", "google-cloud", "datadog", "skywalking"] });
      const written = send(all);
      expect(written["x-amzn-trace-id"]).toContain(`Root=1-${traceId.slice(0, 8)}-${traceId.slice(8)};`);
      expect(written["x-cloud-trace-context"]).toContain(`${traceId}/`);
      expect(written["x-datadog-trace-id"]).toBe(BigInt(`0x${traceId.slice(16)}`).toString());
      expect(written.sw8).toBe(traceId.startsWith("4") ? all.at(-1)?.[1] : undefined);
    }
  });

  test("pass unread where neither accept nor write names them", () => {
    configure({});
    const { traceparent, ...rest } = send(all);
    expect(traceparent).toMatch(/^00-/);
    expect(rest).toEqual(Object.fromEntries(all));
    expect(counted()).toEqual({ "requests_total;outcome=started;source=none": 1 });
  });

  test("are believed by nobody at the edge", () => {
    configure({
      trustIncoming: false,
      accept: ["xray", "google-cloud", "datadog", "skywalking"],
      write: ["w3c"],
    });
    const { traceparent, ...rest } = send([...all, ["x-datadog-origin", "rum"], ["sw8-x", "0"]]);
    expect(traceparent).toMatch(/^00-/);
    expect(rest).toEqual({});
    expect(counted()).toEqual({ "requests_total;outcome=restarted;source=none": 1 });
  });

  test("are removed where the host could not hand over the headers", () => {
    configure({ accept: ["xray", "google-cloud", "datadog", "skywalking"], write: ["w3c"] });
    module.host.intercept = (call) => (call === "proxy_get_header_map_pairs" ? 2 : undefined);
    expect(Object.keys(send(all))).toEqual(["traceparent"]);
  });

  test("leave nothing for the next request", () => {
    configure({
      accept: ["xray", "google-cloud", "datadog", "skywalking"],
      write: ["datadog", "skywalking"],
    });
    for (const header of all) send([header]);
    expect(Object.keys(send([])).sort()).toEqual([
      "x-datadog-parent-id",
      "x-datadog-sampling-priority",
      "x-datadog-tags",
      "x-datadog-trace-id",
    ]);
  });
});
