// The formats of vendors, read by another reader beside the filter's: whatever a header is made to
// be, both say the same.

import { beforeAll, expect, test } from "vitest";
import { type HostedModule, loadModule } from "../../kit/host/load.js";
import type { HeaderList } from "../../kit/traffic.js";
import { Random } from "../../test/agreement/random.js";
import { buildFilters } from "../../toolchain/compile/build.js";

const ROUNDS = 20_000;
const MAX_64 = 2n ** 64n - 1n;
const LETTERS = [
  ..."0123456789abcdefABCDEFgxz-;=/,.?+ _:\t\0",
  "é",
  "Root=",
  "Sampled=",
  "Parent=",
  ";o=",
  "AA==",
  "_dd.p.tid=",
];

/** A trace as the next hop learns it; `undefined` where none goes on. */
interface Read {
  readonly traceId: string;
  readonly parent: string | undefined;
  readonly sampled: boolean;
}

let module: HostedModule;
/** The counter of traces that go on in the format under test. */
let counter: string;

beforeAll(async () => {
  const [built] = await buildFilters(["trace-headers"]);
  if (built === undefined) throw new Error("trace-headers was not built");
  module = loadModule(built.path);
});

function inFilter(headers: HeaderList): Read | undefined {
  const before = module.metrics.get(counter) ?? 0;
  const fields = Object.fromEntries(module.exchange([[":path", "/"], ...headers]).request);
  if ((module.metrics.get(counter) ?? 0) === before) return undefined;
  const [traceId = "", , decision, parent] = (fields.b3 ?? "").split("-");
  return { traceId, parent, sampled: decision === "1" };
}

/** A text with some faults, or none. */
function faulty(text: string, random: Random): string {
  let result = text;
  for (let faults = random.pick([0, 0, 1, 1, 2, 3]); faults > 0; faults--) {
    const at = random.below(result.length + 1);
    const length = random.pick([0, 0, 1, 1, 2, 8]);
    const instead = random.below(3) === 0 ? "" : random.pick(LETTERS);
    result = result.slice(0, at) + instead + result.slice(at + length);
  }
  return result;
}

const hex = (random: Random, size: number) =>
  Array.from({ length: size }, () => random.pick([..."0123456789abcdef"])).join("");
const decimal = (random: Random) =>
  random.pick([
    BigInt(`0x${hex(random, 16)}`).toString(),
    "0",
    "1",
    MAX_64.toString(),
    (MAX_64 + 1n).toString(),
    "99999999999999999999",
  ]);
const idOf = (text: string): string | undefined => {
  if (!/^\d{1,20}$/.test(text) || BigInt(text) > MAX_64) return undefined;
  return BigInt(text).toString(16).padStart(16, "0");
};
const isZero = (id: string) => /^0*$/.test(id);
/** A header's value as a proxy hands it over: its blanks at the ends are gone. */
const trimmed = (text: string) => text.replaceAll(/^[ \t]+|[ \t]+$/g, "");

function readXRay(value: string): Read | undefined {
  if (Buffer.byteLength(value) > 1024) return undefined;
  const fields = value.split(";").map((field) => field.replaceAll(/^ +| +$/g, ""));
  const of = (name: string) =>
    fields.filter((field) => field.startsWith(`${name}=`)).map((field) => field.slice(name.length + 1));
  const [roots, parents, decisions] = [of("Root"), of("Parent"), of("Sampled")];
  if (roots.length !== 1 || parents.length > 1 || decisions.length > 1) return undefined;
  const [, time, rest] = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/i.exec(roots[0] ?? "") ?? [];
  if (time === undefined || isZero(`${time}${rest}`)) return undefined;
  if (parents.some((parent) => !/^[0-9a-f]{16}$/i.test(parent))) return undefined;
  if (decisions.some((decision) => !/^[01?]$/.test(decision))) return undefined;
  const parent = parents.find((id) => !isZero(id))?.toLowerCase();
  return { traceId: `${time}${rest}`.toLowerCase(), parent, sampled: decisions[0] === "1" };
}

function readGoogle(value: string): Read | undefined {
  const [, traceId, span, options] = /^([0-9a-f]{32})(?:\/(\d{1,20}))?(?:;o=(\d{1,10}))?$/i.exec(value) ?? [];
  if (traceId === undefined || isZero(traceId)) return undefined;
  if (options !== undefined && Number(options) >= 2 ** 32) return undefined;
  const parent = span === undefined ? undefined : idOf(span);
  if (span !== undefined && parent === undefined) return undefined;
  const named = parent === undefined || isZero(parent) ? undefined : parent;
  return { traceId: traceId.toLowerCase(), parent: named, sampled: Number(options ?? 0) % 2 === 1 };
}

function readDatadog(id: string, span: string, priority: string, tags: string): Read | undefined {
  const [low, parent] = [idOf(id), idOf(span)];
  if (low === undefined || isZero(low) || parent === undefined || !/^-?\d{1,9}$/.test(priority))
    return undefined;
  const half = tags
    .split(",")
    .find((tag) => /^_dd\.p\.tid=.{16}$/.test(tag) && Buffer.byteLength(tag) === 26);
  const high =
    half !== undefined && /^[0-9a-f]{16}$/i.test(half.slice(10))
      ? half.slice(10).toLowerCase()
      : "0".repeat(16);
  return { traceId: high + low, parent: isZero(parent) ? undefined : parent, sampled: Number(priority) > 0 };
}

function configure(name: string): Random {
  counter = `meshwright.trace_headers.requests_total;outcome=continued;source=${name}`;
  expect(module.configure(JSON.stringify({ accept: [name], write: ["b3"], sampling: 0 }))).toMatchObject({
    accepted: true,
  });
  return new Random(29);
}

/** Compares both, and says of how many headers they made a trace. */
function compare(name: string, make: (random: Random) => readonly [HeaderList, Read | undefined]): void {
  const random = configure(name);
  let read = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const [headers, expected] = make(random);
    if (expected !== undefined) read++;
    expect({ headers, read: inFilter(headers) }).toEqual({ headers, read: expected });
  }
  expect(read).toBeGreaterThan(ROUNDS / 10);
  expect(read).toBeLessThan((ROUNDS * 9) / 10);
}

test("AWS X-Ray", () => {
  compare("xray", (random) => {
    const fields = [`Root=1-${hex(random, 8)}-${hex(random, 24)}`];
    if (random.below(3) > 0) fields.push(`Parent=${random.pick([hex(random, 16), "0".repeat(16)])}`);
    if (random.below(3) > 0) fields.push(`Sampled=${random.pick(["0", "1", "?"])}`);
    if (random.below(3) === 0) fields.push("Self=1-2-3", "a");
    const value = trimmed(
      faulty(fields.sort(() => random.below(3) - 1).join(random.pick([";", "; "])), random),
    );
    return [[["x-amzn-trace-id", value]], readXRay(value)];
  });
});

test("Google Cloud", () => {
  compare("google-cloud", (random) => {
    const span = random.below(4) === 0 ? "" : `/${decimal(random)}`;
    const options =
      random.below(3) === 0 ? "" : `;o=${random.pick(["0", "1", "3", "4294967295", "4294967296"])}`;
    const value = trimmed(faulty(hex(random, 32) + span + options, random));
    return [[["x-cloud-trace-context", value]], readGoogle(value)];
  });
});

test("Datadog", () => {
  compare("datadog", (random) => {
    const id = trimmed(faulty(decimal(random), random));
    const span = trimmed(decimal(random));
    const priority = trimmed(faulty(random.pick(["0", "1", "2", "-1", "7"]), random));
    const tags = trimmed(faulty(`_dd.p.dm=-4,_dd.p.tid=${hex(random, 16)},a=b`, random));
    const headers: HeaderList = [
      ["x-datadog-trace-id", id],
      ["x-datadog-parent-id", span],
      ["x-datadog-sampling-priority", priority],
      ["x-datadog-tags", tags],
    ];
    return [headers, readDatadog(id, span, priority, tags)];
  });
});

test("SkyWalking takes only what is eight fields of base64, and never ends the VM", () => {
  const random = configure("skywalking");
  /** With padding or without it, and nothing that a decoder would have to pass over. */
  const isBase64 = (text: string) => {
    const written = Buffer.from(text, "base64").toString("base64");
    return text === written || text === written.replaceAll("=", "");
  };
  let read = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const texts = Array.from({ length: 4 }, () =>
      Buffer.from(hex(random, random.below(9))).toString("base64"),
    );
    const id = random.pick([
      hex(random, 32),
      `${hex(random, 32)}.${random.below(99)}.${random.below(9999)}`,
      hex(random, 5),
    ]);
    const own = [
      random.pick(["0", "1"]),
      Buffer.from(id).toString("base64"),
      Buffer.from(id).toString("base64"),
      "7",
    ];
    const value = trimmed(faulty([...own, ...texts].join("-"), random));
    const fields = value.split("-");
    const [sample = "", trace = "", segment = "", span = "", ...rest] = fields;
    const valid =
      fields.length === 8 &&
      /^[01]$/.test(sample) &&
      /^\d{1,10}$/.test(span) &&
      Number(span) < 2 ** 31 &&
      trace !== "" &&
      segment !== "" &&
      [trace, segment, ...rest].every(isBase64);
    if (valid) read++;
    expect({ value, isRead: inFilter([["sw8", value]]) !== undefined }).toEqual({ value, isRead: valid });
  }
  expect(read).toBeGreaterThan(ROUNDS / 10);
});
