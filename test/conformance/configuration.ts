// One suite for every filter: the two readers of its configuration, the zod schema here and the module's own parser, take and refuse the same
// documents, and name the same place; and its README tells of the same options.

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { checkValue, formatPath } from "../../envoy/problems.js";
import { buildFilters } from "../../filters/build.js";
import { findFilter } from "../../filters/catalog.js";
import { type HostedModule, loadModule } from "../host/load.js";
import { damaged, type JsonSchema, Random, randomDocument } from "./random-documents.js";

/** Documents to hold both readers to. */
export interface ConfigurationCases {
  readonly accepted: readonly unknown[];
  /** Each with one thing wrong, and where: `rules[0].name`; the whole document is `configuration`. */
  readonly refused: readonly (readonly [document: unknown, path: string])[];
}

const RANDOM_DOCUMENTS = 2_000;

/** Declares the suite for the filter of that name. */
export function describeConfiguration(filter: string, cases: ConfigurationCases): void {
  const { schema } = findFilter(filter);
  const refusedPlaces = (document: unknown): string[] => {
    const checked = checkValue(document, schema);
    return checked.ok ? [] : checked.problems.map((problem) => formatPath(problem.path));
  };

  describe(`a ${filter} configuration`, () => {
    let module: HostedModule;

    beforeAll(async () => {
      const [built] = await buildFilters([filter]);
      if (built === undefined) throw new Error(`${filter} was not built`);
      module = loadModule(built.path);
    });

    test.each(cases.accepted.map((document) => [short(document), document]))(
      "is accepted: %s",
      (_, document) => {
        expect(refusedPlaces(document)).toEqual([]);
        expect(module.configure(JSON.stringify(document))).toEqual({ accepted: true, logs: [] });
      },
    );

    test.each(cases.refused.map(([document, path]) => [path, short(document), document]))(
      "is refused at %s: %s",
      (path, _, document) => {
        expect(refusedPlaces(document)).toContain(path);
        const { accepted, logs } = module.configure(JSON.stringify(document));
        expect(accepted).toBe(false);
        expect(logs).toHaveLength(1);
        expect(logs[0]).toContain(`${filter}: configuration refused: ${path}: `);
      },
    );

    test(`is taken or refused by both readers alike, ${RANDOM_DOCUMENTS} random ones`, () => {
      const seed = Date.now() % 2 ** 31;
      const random = new Random(seed);
      const jsonSchema = z.toJSONSchema(schema, { io: "input" }) as JsonSchema;
      let accepted = 0;
      for (let i = 0; i < RANDOM_DOCUMENTS; i++) {
        const made = i % 2 === 0 ? randomDocument(jsonSchema, random) : random.pick(cases.accepted);
        let text = JSON.stringify(made);
        for (let times = random.below(3); times > 0; times--) text = damaged(JSON.parse(text), random);
        const places = refusedPlaces(JSON.parse(text));
        const outcome = module.configure(text);
        if (outcome.accepted) accepted++;
        expect(outcome.accepted, `seed ${seed}: ${outcome.logs[0] ?? places.join(", ")}: ${text}`).toBe(
          places.length === 0,
        );
      }
      // A generator whose documents are all refused would show nothing.
      expect(accepted).toBeGreaterThan(RANDOM_DOCUMENTS / 10);
    });

    test("that is no JSON is refused with its line and column", () => {
      const { accepted, logs } = module.configure('{\n  "a": 1,\n}');
      expect(accepted).toBe(false);
      expect(logs[0]).toMatch(new RegExp(`^${filter}: configuration refused: line 3, column 1: `));
    });

    test.each([
      ["bytes that are no UTF-8", Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d])],
      ["a NUL", Buffer.from("\0")],
      ["ten thousand brackets", Buffer.from("[".repeat(10_000))],
      ["half a document", Buffer.from('{"rules": [{"name": "a')],
      ["half a surrogate pair", Buffer.from('{"\\ud800": 1}')],
      ["a key given twice", Buffer.from('{"a": 1, "a": 2}')],
      ["random bytes", Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256))],
    ])("that is %s is refused without a trap", (_, bytes) => {
      expect(module.configure(bytes).accepted).toBe(false);
    });

    test("with more faults than anybody would read is refused without walking them all", () => {
      const key = Object.keys(optionsOf(schema))[0] ?? "";
      const document = { [key]: new Array(100_000).fill("no") };
      expect(module.configure(JSON.stringify(document)).accepted).toBe(false);
    });

    test("as the README shows it is accepted", () => {
      const examples = readmeExamples(filter);
      expect(examples.length).toBeGreaterThan(0);
      for (const example of examples) {
        expect(refusedPlaces(example)).toEqual([]);
        expect(module.configure(JSON.stringify(example))).toEqual({ accepted: true, logs: [] });
      }
    });

    test("has no option that the README's table does not list", () => {
      const listed = [...readme(filter).matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
      for (const option of Object.keys(optionsOf(schema))) expect(listed).toContain(option);
    });

    test("that is changed two thousand times leaves no trace of the old ones", () => {
      const documents = cases.accepted.slice(0, 10).map((document) => JSON.stringify(document));
      const change = (times: number) => {
        for (let i = 0; i < times; i++) module.configure(documents[i % documents.length] ?? "");
      };
      change(200);
      const pages = module.pages;
      change(2_000);
      expect(module.pages).toBe(pages);
    });

    test("that is refused ten thousand times leaves the memory as it was", () => {
      module.configure('{"unknown": true}');
      const pages = module.pages;
      for (let i = 0; i < 10_000; i++) module.configure('{"unknown": true}');
      expect(module.pages).toBe(pages);
    });
  });
}

function optionsOf(schema: z.ZodType): Readonly<Record<string, unknown>> {
  return (z.toJSONSchema(schema, { io: "input" }).properties ?? {}) as Record<string, unknown>;
}

function readme(filter: string): string {
  return readFileSync(new URL(`../../filters/${filter}/README.md`, import.meta.url), "utf8");
}

/** The README's YAML blocks that are configurations of the filter, and those within Envoy configuration. */
function readmeExamples(filter: string): unknown[] {
  const text = readme(filter);
  const blocks = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, block]) => parse(block ?? "") as object);
  const plain = blocks.filter((block) => !("http_filters" in block || "routes" in block));
  const embedded = [...text.matchAll(/value: '(\{.*\})'/g)].map(
    ([, json]) => JSON.parse(json ?? "") as unknown,
  );
  return [...plain, ...embedded];
}

function short(document: unknown): string {
  const text = JSON.stringify(document);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
