// The parts by which the suite judges: what is wrong with an outcome, what a README lists, and how
// small a failing run becomes.

import { afterEach, describe, expect, test, vi } from "vitest";
import type { HeaderList } from "../traffic.js";
import type { FilterRequest } from "./facts.js";
import { metricRows } from "./metrics.js";
import { type JsonSchema, Random, randomDocument } from "./random-documents.js";
import { readmeExamples } from "./readme.js";
import { flawOf } from "./sanity.js";
import { type Outcome, type Script, scriptOf } from "./script.js";
import { shrunk } from "./shrink.js";
import { Subject } from "./subject.js";

const SCRIPT = scriptOf({ path: "/a", headers: [["x-a", "1"]] });
const NOTHING = { headers: [], body: "", trailers: [], isWhole: false };

function outcome(upstream: HeaderList, more: Partial<Outcome> = {}): Outcome {
  const whole = { ...NOTHING, headers: upstream };
  return { upstream: whole, client: NOTHING, localReply: undefined, wasReset: false, ...more };
}

describe("an outcome", () => {
  test("is right when the headers pass, change, or never go on", () => {
    expect(flawOf(SCRIPT, outcome(SCRIPT.headers))).toBeUndefined();
    expect(flawOf(SCRIPT, outcome([...SCRIPT.headers, ["x-b", "2"]]))).toBeUndefined();
    expect(flawOf(SCRIPT, outcome([]))).toBeUndefined();
  });

  test.each([
    ["a lost :path", SCRIPT.headers.filter(([name]) => name !== ":path"), "leaves 0 of the header :path"],
    ["a second :path", [...SCRIPT.headers, [":path", "/b"]], "leaves 2 of the header :path"],
    ["a line end in a value", [...SCRIPT.headers, ["x-b", "1\r\nc: d"]], "writes the header"],
    ["an invalid name", [...SCRIPT.headers, ["x b", "1"]], "writes the header"],
  ] as [string, HeaderList, string][])("is wrong with %s", (_, headers, message) => {
    expect(flawOf(SCRIPT, outcome(headers))).toContain(message);
  });

  test("may hold a header that came in, even one that Envoy would not let in", () => {
    const script = { ...SCRIPT, headers: [...SCRIPT.headers, ["x-c", "a\nb"] as const] };
    expect(flawOf(script, outcome([...script.headers, ["x-copy", "a\nb"]]))).toBeUndefined();
  });

  test.each([0, 99, 600])("is wrong with a local reply of status %i", (status) => {
    const localReply = { status, details: "", body: "", headers: [] };
    expect(flawOf(SCRIPT, outcome([], { localReply }))).toContain(`status ${status}`);
  });
});

describe("a README's table of metrics", () => {
  test("has labels with any value, labels with listed values, and rows that continue another", () => {
    const rows = metricRows(
      [
        "## Metrics",
        "",
        "| metric | type | labels |",
        "| --- | --- | --- |",
        "| `wasmcustom.a.total` | counter | `rule`, `to` |",
        "| `a.open` | gauge | |",
        "| `a.seen` | histogram | `outcome=started`, `source=w3c`, `b3` or `none` |",
        "| | | `outcome=ended`, `source=none` |",
        "",
        "## Else",
        "| `b` | c | |",
      ].join("\n"),
    );
    expect(rows.map(({ name, type, labels }) => [name, type, Object.fromEntries(labels)])).toEqual([
      ["a.total", "counter", { rule: [], to: [] }],
      ["a.open", "gauge", {}],
      ["a.seen", "histogram", { outcome: ["started"], source: ["w3c", "b3", "none"] }],
      ["a.seen", "histogram", { outcome: ["ended"], source: ["none"] }],
    ]);
  });

  test("has counters where no type is given", () => {
    const rows = metricRows("## Metrics\n\n| name | labels |\n| --- | --- |\n| `a` | |\n");
    expect(rows).toMatchObject([{ name: "a", type: "counter" }]);
  });

  test("may be missing", () => expect(metricRows("# a filter\n")).toEqual([]));
});

test("a README's examples are its YAML blocks, and the configurations within blocks of Envoy and Istio", () => {
  const readme = [
    "```yaml\na: 1\n```",
    "```sh\nno\n```",
    '```yaml\nhttp_filters:\n  - { "@type": type.googleapis.com/google.protobuf.StringValue, value: \'{"a": 2}\' }\n```',
    "```yaml\napiVersion: extensions.istio.io/v1alpha1\nspec: { pluginConfig: { a: 3 } }\n```",
    "```yaml\nroutes: [{ match: { prefix: / } }]\n```",
  ];
  expect(readmeExamples(readme.join("\n\n"))).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }]);
});

describe("a random document", () => {
  const texts = (schema: JsonSchema) => {
    const random = new Random(1);
    return Array.from({ length: 300 }, () => randomDocument(schema, random));
  };

  test("has texts that mostly fit their pattern, or any text when none does", () => {
    const fitting = texts({ type: "string", pattern: "^x-" }).filter((text) => `${text}`.startsWith("x-"));
    expect(fitting.length).toBeGreaterThan(200);
    expect(texts({ type: "string", pattern: "^no text is like this$" })).toHaveLength(300);
  });

  test("has dates and times where the schema asks for them", () => {
    const dates = texts({ type: "string", format: "date-time" }).filter((text) => /^\d{4}-/.test(`${text}`));
    expect(dates.length).toBeGreaterThan(200);
    expect(texts({ type: "string" })).toContain("1.5s");
  });
});

test("a request with an answer has its calls answered once it is whole, without one when it is over", () => {
  const kinds = (request: FilterRequest) => scriptOf(request).events.map(({ kind }) => kind);
  expect(kinds({ body: "a" })).toEqual(["request-body", "response-headers"]);
  expect(kinds({ body: "a", answer: "yes" })).toEqual(["request-body", "answer", "response-headers"]);
  const [event] = scriptOf({ answer: Uint8Array.of(0, 255) }).events;
  expect(event).toEqual({ kind: "answer", status: 200, bytes: "\0\xff" });
});

test("a run shrinks to the smallest that still shows the fault", () => {
  const run = Array.from({ length: 50 }, (_, i) =>
    scriptOf({ path: `/${i}`, headers: [["x-n", `${i}`.repeat(9)]], body: ["some", "body"] }),
  );
  const fails = (scripts: readonly Script[]) =>
    scripts.some(({ headers }) => headers.some(([name, value]) => name === "x-n" && value.includes("33")));
  expect(fails(run)).toBe(true);
  const [small, ...more] = shrunk(run, fails);
  expect(more).toEqual([]);
  expect(small?.headers).toEqual([["x-n", "33"]]);
  expect(small?.events).toEqual([]);
});

describe("a run of the suite is refused", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test.each(["accepted", "refused"] as const)("without a document in %s", async (missing) => {
    const facts = { accepted: [{}], refused: [[{ a: 1 }, "a"]] as const, [missing]: [] };
    await expect(Subject.of("trace-headers", facts)).rejects.toThrow(
      `give at least one document in "${missing}"`,
    );
  });

  test("for a filter that does not exist", async () => {
    const facts = { accepted: [{}], refused: [[{ a: 1 }, "a"]] as const };
    await expect(Subject.of("no-such-filter", facts)).rejects.toThrow("no-such-filter");
  });

  test("with a seed that is not a number", async () => {
    vi.stubEnv("MESHWRIGHT_SEED", "seven");
    const facts = { accepted: [{}], refused: [[{ a: 1 }, "a"]] as const };
    await expect(Subject.of("trace-headers", facts)).rejects.toThrow(
      "give the number that the run has printed",
    );
  });
});
