import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { checkDocument, readDocument } from "./document.js";
import { MeshwrightError } from "./errors.js";
import { formatIssues, formatPath, nearest } from "./problems.js";

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
    expect(checkDocument("name: a\nrules: [{destination: v1}]", schema, "f")).toEqual({
      ok: true,
      value: { name: "a", rules: [{ destination: "v1" }] },
    });
    expect(checkDocument('{\n\t"name": "a"\n}', schema, "f")).toEqual({ ok: true, value: { name: "a" } });
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
    ["name: a\nname: b", "f.yaml:2:1: Map keys must be unique"],
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
      "f.yaml: nested more than 64 levels deep",
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
});
