import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { checkDocument, readDocument } from "./document.js";
import { MeshwrightError } from "./errors.js";
import { formatIssues, formatPath, listed, nearest } from "./problems.js";

const schema = z.strictObject({
  name: z.string(),
  rules: z
    .array(
      z.strictObject({
        match: z
          .strictObject({ path: z.strictObject({ prefix: z.string().startsWith("/") }).optional() })
          .optional(),
        destination: z.union([z.string(), z.strictObject({ weight: z.int().min(0).max(100) })]),
      }),
    )
    .optional(),
  parts: z
    .array(
      z.discriminatedUnion("filter", [
        z.strictObject({ filter: z.literal("alpha"), size: z.int() }),
        z.strictObject({ filter: z.literal("beta") }),
      ]),
    )
    .optional(),
  named: z.record(z.string().regex(/^[a-z]+$/, "must be lower-case letters"), z.number()).optional(),
});

function problems(text: string): readonly string[] {
  const checked = checkDocument(text, schema, "f.yaml");
  return checked.ok ? [] : checked.lines;
}

describe("checkDocument", () => {
  it("returns the schema's value for YAML and for JSON", () => {
    expect(checkDocument("name: a\nrules: [{destination: v1}]", schema, "f")).toMatchObject({
      ok: true,
      value: { name: "a", rules: [{ destination: "v1" }] },
    });
    expect(checkDocument('{\n\t"name": "a"\n}', schema, "f")).toMatchObject({
      ok: true,
      value: { name: "a" },
    });
  });

  it("reports every problem at once, in the order of the file, each with its place, path and reason", () => {
    const text = [
      "rules:",
      "  - mach: {}",
      "    destination: v1",
      "  - match:",
      "      path: {prefix: api}",
      "    destination: {weight: 101}",
    ].join("\n");
    expect(problems(text)).toEqual([
      "f.yaml:1:1: name: is required",
      'f.yaml:2:5: rules[0].mach: unknown key; did you mean "match"?',
      expect.stringMatching(/^f\.yaml:5:14: rules\[1\]\.match\.path\.prefix: .*"\/"/),
      expect.stringMatching(/^f\.yaml:6:19: rules\[1\]\.destination\.weight: .*100/),
    ]);
  });

  it.each([
    ["name: a\nzzzzzz: 1", "f.yaml:2:1: zzzzzz: unknown key; expected one of name, rules, parts, named"],
    [
      "name: a\nparts: [{filter: alpa}]",
      'f.yaml:2:10: parts[0].filter: there is no "alpa"; did you mean "alpha"?',
    ],
    ["name: a\nparts: [{filter: nothing}]", "f.yaml:2:10: parts[0].filter: expected one of alpha, beta"],
    ["name: a\nparts: [{size: 3}]", "f.yaml:2:9: parts[0].filter: is required"],
    ["name: a\nrules: [{destination: 7}]", "f.yaml:2:10: rules[0].destination: expected string or object"],
    ["name: a\nrules: [{}]", "f.yaml:2:9: rules[0].destination: is required"],
    ["name: a\nnamed: {A1: 1}", "f.yaml:2:9: named.A1: must be lower-case letters"],
    [
      "name: a\nparts: [{filter: alpha, sise: 3}]",
      'f.yaml:2:25: parts[0].sise: unknown key; did you mean "size"?',
    ],
    ["name: a\n__proto__: {x: 1}", 'f.yaml:2:1: "__proto__" cannot be a key; use another name'],
    ["name: a\nnamed: {__proto__: 1}", 'f.yaml:2:9: "__proto__" cannot be a key; use another name'],
    ["name: a\nname: b", 'f.yaml:2:1: the key "name" comes twice; keys must be unique'],
    ["name: a\n---\nname: b", "f.yaml:2:1: a second document begins here; keep one per file"],
    ["", "f.yaml: the file is empty"],
    ["# only a comment\n", "f.yaml: the file is empty"],
    ["name: [a", expect.stringMatching(/^f\.yaml:1:9: /)],
    ["name: !odd a", expect.stringMatching(/^f\.yaml:1:7: .*!odd/)],
    ["name: *gone", expect.stringMatching(/^f\.yaml.*gone/)],
    ["[a, b]", expect.stringMatching(/^f\.yaml:1:1: configuration: .*object/)],
  ])("refuses %j", (text, line) => {
    expect(problems(text)[0]).toEqual(line);
  });

  it("reports a misspelt key once, and not also that the right key is missing", () => {
    expect(problems("nme: a")).toEqual(['f.yaml:1:1: nme: unknown key; did you mean "name"?']);
    const oneOf = z
      .strictObject({ a: z.string().optional(), other: z.string().optional() })
      .refine((value) => (value.a === undefined) !== (value.other === undefined), {
        error: "needs exactly one of a, other",
        when: () => true,
      });
    const checked = checkDocument("othr: x", oneOf, "f");
    expect(checked.ok || checked.lines).toEqual(['f:1:1: othr: unknown key; did you mean "other"?']);
  });

  it("uses a misspelt key to see which form was meant", () => {
    const forms = z.union([z.strictObject({ command: z.string() }), z.strictObject({ url: z.string() })]);
    const checked = checkDocument("urll: x", forms, "f");
    expect(checked.ok || checked.lines).toEqual(['f:1:1: urll: unknown key; did you mean "url"?']);
  });

  it("refuses a document that is nested too deep", () => {
    expect(problems(`name: ${"[".repeat(100_000)}`)[0]).toBe("f.yaml: nested too deep");
    expect(problems(`name: ${"[".repeat(70)}${"]".repeat(70)}`)[0]).toBe(
      "f.yaml:1:70: nested more than 64 levels deep",
    );
  });

  // A search among all other keys for each would take minutes, longer than a test may.
  it("reads 60,000 keys of one map, and 90,000 of JSON with a problem for each", () => {
    const numbers = z.record(z.string(), z.number());
    const keys = (count: number) => Array.from({ length: count }, (_, i) => `"k${i}": 1`);
    expect(checkDocument(keys(60_000).join("\n"), numbers, "f.yaml")).toMatchObject({ ok: true });
    const checked = checkDocument(`{${keys(90_000)}}`, schema, "f.json");
    expect(checked.ok || checked.lines).toHaveLength(90_001);
  });

  it("takes over the keys of a merged mapping, of which its own and the first of a list count", () => {
    const text = [
      "parts:",
      "  - &base {filter: alpha, size: 1}",
      "  - {<<: *base, size: 2}",
      "  - {<<: [{size: 3}, *base]}",
      'named: {"<": 1}',
    ].join("\n");
    const loose = z.looseObject({});
    const checked = checkDocument(text, loose, "f.yaml");
    expect(checked).toMatchObject({
      ok: true,
      value: {
        parts: [
          { filter: "alpha", size: 1 },
          { filter: "alpha", size: 2 },
          { filter: "alpha", size: 3 },
        ],
      },
    });
  });

  it("reports a problem of a merged key where the key stands", () => {
    const text = [
      "name: a",
      "parts:",
      "  - &base",
      "    filter: alpha",
      "    size: big",
      "  - <<: *base",
      "    size: 1",
      "    sise: 2",
      "  - <<: *base",
    ].join("\n");
    expect(problems(text)).toEqual([
      "f.yaml:5:5: parts[0].size: Invalid input: expected number, received string",
      "f.yaml:5:5: parts[2].size: Invalid input: expected number, received string",
      'f.yaml:8:5: parts[1].sise: unknown key; did you mean "size"?',
    ]);
  });

  it.each([
    ["a text", "name: &n a\nparts: [{<<: *n}]"],
    ["a list of texts", "parts: [{<<: [a]}]"],
    ["itself", "parts: &p [{<<: *p}]"],
    ["a mapping around it", "named: &n {a: {<<: *n}}"],
    ["an anchor that is nowhere", "parts: [{<<: *none}]"],
  ])("refuses to merge %s", (_, text) => {
    expect(problems(text)[0]).toMatch(/^f\.yaml:\d+:\d+: (<< takes a mapping|.*[Aa]lias)/);
  });

  it("takes each merge key once, and a quoted one for a key like any other", () => {
    expect(problems("named: {<<: {a: 1}, <<: {b: 1}}")[0]).toMatch(/comes twice/);
    expect(problems('name: a\nnamed: {"<<": 1}')).toEqual([
      'f.yaml:2:9: named["<<"]: must be lower-case letters',
    ]);
  });

  it("refuses mappings that merge others so that they multiply at every level", () => {
    const levels = Array.from(
      { length: 40 },
      (_, i) => `l${i + 1}: &l${i + 1} {a: {<<: *l${i}}, b: {<<: *l${i}}}`,
    );
    expect(problems(["l0: &l0 {x: 1}", ...levels].join("\n"))[0]).toMatch(
      /^f\.yaml:\d+:\d+: merges more than a million values$/,
    );
  });

  it("follows an alias to the place of a problem, and refuses aliases that double the document at every level", () => {
    expect(problems("name: a\nrules:\n- &r {destination: {weight: 200}}\n- *r")[1]).toMatch(
      /^f\.yaml:3:.*rules\[1\]/,
    );
    const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i},`.repeat(9)}]`);
    expect(problems(["l0: &l0 x", ...levels].join("\n"))[0]).toMatch(/alias/i);
  });
});

describe("a file named .json", () => {
  const inJson = (text: string, schema: z.ZodType = z.unknown()) => checkDocument(text, schema, "f.json");

  it("is read as JSON.parse reads it, with the place of every problem", () => {
    const text = '{\r\n "a": [1, -0.5e+3, "\\u00e4\\n", true, null, {}],\n\t"b": 12345678901234567890}\r\n';
    expect(inJson(text)).toMatchObject({ ok: true, value: JSON.parse(text) });
    const typed = z.strictObject({ a: z.array(z.number()).max(3), b: z.int() });
    const checked = inJson('{\n  "a": [1,\n    "2"],\n  "b": 1.5, "c": 0}', typed);
    expect(checked.ok || checked.lines.map((line) => line.replace(/ .*/, ""))).toEqual([
      "f.json:3:5:",
      "f.json:4:3:",
      "f.json:4:13:",
    ]);
  });

  it.each([
    ['{\n "a": 1,\n}', '2:8: JSON has no comma before "}"'],
    ["[1, 2,]", '1:6: JSON has no comma before "]"'],
    ["[1,, 2]", '1:4: expected a value, found ","'],
    ["[01]", "1:2: a number has no leading zeros"],
    ["[-01]", "1:3: a number has no leading zeros"],
    ["[1.]", "1:2: this number is incomplete"],
    ["[.5]", '1:2: JSON has no ".5"'],
    ["[+1]", '1:2: JSON has no "+1"'],
    ["[0x10]", '1:3: JSON has no "x10" outside of strings'],
    ["[NaN]", '1:2: JSON has no "NaN"'],
    ["\uFEFF{}", "1:1: begins with a byte order mark (U+FEFF)"],
    ["// note\n{}", "1:1: JSON has no comments"],
    ["{} /* note */", "1:4: JSON has no comments"],
    ["# note\n{}", '1:1: JSON has no "#"'],
    ["{'a': 1}", "1:2: JSON writes strings in double quotes"],
    ["{a: 1}", '1:2: JSON has no "a" outside of strings, and keys in double quotes'],
    ["a: 1", '1:1: JSON has no "a"'],
    ["{1: 2}", '1:2: expected a key in double quotes, found "1"'],
    ['{"a" 1}', '1:6: expected a colon before "1"'],
    ['{"a": 1 "b": 2}', '1:9: expected a comma before "\\""'],
    ['["a\tb"]', "1:4: a string has no line breaks, tabs or other control characters"],
    ['["a\nb"]', "1:2: this string has no closing quote on its line"],
    ['["\\\\\\x41"]', "1:5: after a backslash JSON has one of"],
    ['["\\u12"]', "1:3: after a backslash JSON has one of"],
    ["{} {}", "1:4: the document ends before this"],
    ["[1]\u00a0", '1:4: JSON has no "\u00a0"'],
    ["[1, 2", "1:6: the file ends inside a value"],
    ['{"a"', "1:5: the file ends inside a value"],
    ['{"a": 1, "a": 2}', '1:10: the key "a" comes twice'],
    ['{"__proto__": 1}', '1:2: "__proto__" cannot be a key'],
    [`${"[".repeat(70)}${"]".repeat(70)}`, "1:65: nested more than 64 levels deep"],
  ])("refuses %j", (text, line) => {
    const checked = inJson(text);
    expect(checked.ok || checked.lines[0]).toContain(`f.json:${line}`);
    expect(checkDocument(text, z.unknown(), "F.JSON").ok).toBe(false);
  });

  it.each(["", " \n"])("that is %j is empty", (text) => {
    expect(inJson(text)).toEqual({ ok: false, lines: ["f.json: the file is empty"] });
  });

  it("is refused where it is nested too deep to be read", () => {
    expect(inJson("[".repeat(100_000))).toEqual({ ok: false, lines: ["f.json: nested too deep"] });
  });
});

describe("readDocument", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "document-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function failure(file: string): Promise<MeshwrightError> {
    const error = await readDocument(file, schema, "mesh file").catch((thrown: unknown) => thrown);
    if (!(error instanceof MeshwrightError)) throw new Error(`expected a refusal of ${file}`);
    return error;
  }

  it("reads a file", async () => {
    const file = path.join(folder, "good.yaml");
    await writeFile(file, "\uFEFFname: größe\n");
    expect(await readDocument(file, schema, "mesh file")).toEqual({ name: "größe" });
  });

  it("refuses a byte order mark in JSON", async () => {
    const file = path.join(folder, "mark.json");
    await writeFile(file, '\uFEFF{"name": "a"}');
    expect((await failure(file)).message).toMatch(/mark\.json:1:1: begins with a byte order mark/);
  });

  it("puts the first problem into the message and the others into the details", async () => {
    const file = path.join(folder, "bad.yaml");
    await writeFile(file, "name: 1\nnme: 2\nrules: 3\n");
    const error = await failure(file);
    expect(error.code).toBe("configuration");
    expect(error.message).toMatch(/^mesh file refused: .*bad\.yaml:1:1: name: /);
    expect(error.details).toHaveLength(2);
  });

  it.each([
    ["missing.yaml", undefined, /there is no such file/],
    ["latin1.yaml", Buffer.from([0x6e, 0x3a, 0x20, 0xe9]), /is not UTF-8 text/],
    ["large.yaml", Buffer.alloc(1024 * 1024 + 1, "#"), /is larger than 1 MiB/],
  ])("refuses %s", async (name, content, reason) => {
    const file = path.join(folder, name);
    if (content !== undefined) await writeFile(file, content);
    expect((await failure(file)).message).toMatch(reason);
  });

  it("refuses a folder and a device", async () => {
    expect((await failure(folder)).message).toMatch(/is a folder/);
    expect((await failure("/dev/null")).message).toMatch(/is not a regular file/);
  });
});

it("writes issues and paths as people write them", () => {
  const result = schema.safeParse({ name: 1 });
  expect(formatIssues(result.error?.issues ?? [])).toEqual([expect.stringMatching(/^name: /)]);
  expect(formatPath(["a", 0, "b-c", "x y"])).toBe('a[0].b-c["x y"]');
  expect(formatPath([])).toBe("configuration");
});

it("suggests only a word that is near", () => {
  expect(nearest("header-ruoting", ["trace-headers", "header-routing"])).toBe("header-routing");
  expect(nearest("x", ["header-routing"])).toBeUndefined();
  expect(nearest("Services", ["service", "services"])).toBe("services");
  expect(nearest("egde", ["edge"])).toBe("edge");
  expect(nearest("eg", ["edge"])).toBeUndefined();
  expect(nearest("constructor", [])).toBeUndefined();
});

it("cuts a long list of names", () => {
  expect(listed(["a", "b"])).toBe("a, b");
  expect(listed(Array.from({ length: 40 }, (_, i) => `n${i}`))).toMatch(/^n0, .*, n31 and 8 more$/);
});
