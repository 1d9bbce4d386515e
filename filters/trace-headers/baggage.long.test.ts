// W3C baggage, without a proxy: which members go on, and what a stranger cannot do with it.

import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type HostedModule, loadModule } from "../../kit/host/load.js";
import type { HeaderList } from "../../kit/traffic.js";
import { buildFilters } from "../../toolchain/compile/build.js";
import type { TraceHeadersConfig } from "./schema.js";

/** The host call for all headers, and a status that it may have. */
const PAIRS = "proxy_get_header_map_pairs";
const BAD_ARGUMENT = 2;

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

/** The baggage that goes on, line by line. */
function pass(...lines: readonly string[]): readonly string[] {
  const headers: HeaderList = lines.map((line) => ["baggage", line]);
  return module
    .exchange([[":path", "/"], ...headers])
    .request.filter(([name]) => name === "baggage")
    .map(([, value]) => value);
}

function dropped(): Record<string, number> {
  const found = [...module.metrics].filter(([name, value]) => name.includes("baggage") && value > 0);
  return Object.fromEntries(found.map(([name, value]) => [name.split("=")[1], value]));
}

const MEMBERS = Array.from({ length: 64 }, (_, i) => `key${i}=${i}`).join(",");

describe("baggage", () => {
  test("passes unread without settings", () => {
    configure({ trustIncoming: false });
    for (const lines of [["a=1", "?"], [""], ["a"], [`a=${"x".repeat(60 * 1024)}`]])
      expect(pass(...lines)).toEqual(lines);
  });

  test.each([
    "a=1",
    "a=",
    "a=1,b=2",
    "a = 1 ;p = 2; q , b=2",
    "a=1;p",
    "a=1;p=;q=3",
    "a=x=y,a=2",
    "!#$%&'*+-.^_`|~09AZ=%20!#$%&'()*+-./:<=>?@[]^_`{|}~",
    MEMBERS,
    `a=${"x".repeat(8190)}`,
  ])("passes as it came: %s", (line) => {
    configure({ baggage: {} });
    expect(pass(line)).toEqual([line]);
    expect(dropped()).toEqual({});
  });

  test.each([
    ["nothing", "", []],
    ["blanks", " \t", []],
    ["no value", "a", []],
    ["no key", "=1", []],
    ["a blank in a key", "a b=1", []],
    ["a blank in a value", "a=1 2", []],
    ["a key that is no token", "a(=1,b=2", ["b=2"]],
    ["a quote", 'a="1",b=2', ["b=2"]],
    ["a backslash", "a=\\,b=2", ["b=2"]],
    ["a control character", "a=\x01,b=2", ["b=2"]],
    ["bytes that are not ASCII", "a=é,b=2", ["b=2"]],
    ["an empty property", "a=1;,b=2", ["b=2"]],
    ["a property without a key", "a=1;=2,b=2", ["b=2"]],
    ["a property with a blank in its key", "a=1;p q,b=2", ["b=2"]],
    ["members between others", "a=1,?,b=2,,c=3", ["a=1,b=2,c=3"]],
    ["sixty thousand commas", ",".repeat(60_000), []],
    ["sixty thousand separators", `a=1${";".repeat(60_000)}`, []],
  ])("loses what breaks the grammar, and keeps the rest: %s", (_, line, kept) => {
    configure({ baggage: {} });
    expect(pass(line)).toEqual(kept);
  });

  test("of several lines is one", () => {
    configure({ baggage: {} });
    expect(pass("a=1, b=2", "", "?", "c=3")).toEqual(["a=1,b=2,c=3"]);
    expect(dropped()).toEqual({ invalid: 1 });
  });

  test("has as many members as it may have", () => {
    configure({ baggage: {} });
    expect(pass(MEMBERS, "more=1", "still=2")).toEqual([MEMBERS]);
    expect(dropped()).toEqual({ limit: 2 });
    configure({ baggage: { maxMembers: 2 } });
    expect(pass("a=1,b=2,c=3")).toEqual(["a=1,b=2"]);
    configure({ baggage: { maxMembers: 0 } });
    expect(pass("a=1,b=2,c=3")).toEqual([]);
  });

  test("has as many bytes as it may have, and a member too large costs no smaller one", () => {
    configure({ baggage: { maxBytes: 7 } });
    expect(pass("a=1,b=2")).toEqual(["a=1,b=2"]);
    expect(pass("a=1,b=22")).toEqual(["a=1"]);
    expect(pass("a=12345678,b=2,c=3")).toEqual(["b=2,c=3"]);
    // Blanks count where they would go on.
    expect(pass("a=1 , b=2")).toEqual(["a=1,b=2"]);
    expect(dropped()).toEqual({ limit: 2 });
    configure({ baggage: {} });
    expect(pass(`a=${"x".repeat(8191)},b=2`)).toEqual(["b=2"]);
    configure({ baggage: { maxBytes: 0 } });
    expect(pass("a=1")).toEqual([]);
  });

  test("has only the keys that it may have", () => {
    configure({ baggage: { allow: ["tenant", "Plan"] } });
    expect(pass("user=ann,tenant=1;p,plan=2,Plan=3,tenants=4,tenant=5")).toEqual([
      "tenant=1;p,Plan=3,tenant=5",
    ]);
    expect(dropped()).toEqual({ key: 3 });
    configure({ baggage: { deny: ["user"] } });
    expect(pass("user=ann,tenant=1", "user =ben")).toEqual(["tenant=1"]);
    expect(pass("User=ann,tenant=1")).toEqual(["User=ann,tenant=1"]);
  });

  test("from outside does not pass at the edge", () => {
    configure({ trustIncoming: false, baggage: { allow: ["a"] } });
    expect(pass("a=1")).toEqual([]);
    expect(pass("a=1", "?")).toEqual([]);
    expect(pass()).toEqual([]);
    expect(dropped()).toEqual({});
  });

  test("does not pass where the host could not hand over the headers", () => {
    configure({ baggage: {} });
    module.host.intercept = (call) => (call === PAIRS ? BAD_ARGUMENT : undefined);
    expect(pass("a=1")).toEqual([]);
  });

  test("is no trace, and goes on whatever becomes of the trace", () => {
    configure({ baggage: {} });
    expect(pass("a=1")).toEqual(["a=1"]);
    expect([...module.metrics].filter(([, value]) => value > 0)).toEqual([
      ["meshwright.trace_headers.requests_total;outcome=started;source=none", 1],
    ]);
  });
});
