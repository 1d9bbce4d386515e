// Compose files with mistakes, and hostile ones: one clear error that says where.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MeshwrightError } from "../../envoy/errors.js";
import { readProject } from "./read.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "mistakes-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The error's lines for a project of these files. */
async function errorOf(
  files: Readonly<Record<string, string | Uint8Array>>,
  options: { readonly files?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), content);
  }
  try {
    await readProject({ folder, env: {}, ...options, by: "meshwright" });
  } catch (error) {
    if (!(error instanceof MeshwrightError)) throw error;
    expect(error.code).toBe("configuration");
    return [error.message, ...error.details].join("\n");
  }
  return "";
}

const compose = (text: string) => ({ "compose.yaml": text });

/** An alias bomb: each level has ten of the one before. */
const BOMB = Array.from({ length: 9 }, (_, i) =>
  i === 0
    ? "x-0: &a0 [a]"
    : `x-${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(", ")}]`,
).join("\n");

describe("a compose file is refused", () => {
  it.each([
    [
      "an unknown key",
      "services:\n  a:\n    imag: x\n",
      'compose.yaml:3:5: services.a.imag: unknown key; did you mean "image"?',
    ],
    ["a wrong type", "services:\n  a:\n    ports: 80\n", "compose.yaml:3:5: services.a.ports: "],
    ["a name of a service", "services:\n  'a b': {}\n", 'compose.yaml:2:3: services["a b"]: '],
    ["no mapping", "- a\n", "compose.yaml:1:1: must be a mapping"],
    ["a broken line", "services:\n  a: {\n", "compose.yaml:3:1: "],
    ["a repeated key", "services:\n  a: {}\n  a: {}\n", 'compose.yaml:3:3: the key "a" comes twice'],
    ["an unknown tag", "services: !other {}\n", "compose.yaml:1:11: Unresolved tag: !other"],
    ["an unknown alias", "services: *none\n", "compose.yaml: Unresolved alias"],
    ["an alias bomb", `${BOMB}\nservices: {}\n`, "compose.yaml: Excessive alias count"],
    ["a mapping without end", "a: &a { b: *a }\n", "compose.yaml: "],
    ["nesting", `services: ${"[".repeat(5_000)}`, "compose.yaml: nested too deep"],
    ["some nesting", `x-a: ${"[".repeat(80)}${"]".repeat(80)}\n`, "nested more than 64 levels deep"],
    ["a prototype", "services:\n  __proto__: {}\n", '"__proto__" cannot be a key'],
    ["a port", "services:\n  a:\n    ports: ['80:http']\n", 'compose.yaml:3:13: "80:http" is not a port'],
    ["a port that is too high", "services:\n  a:\n    ports: ['70000']\n", "is not a port"],
    ["ranges", "services:\n  a:\n    ports: ['1-3:1-2']\n", "ranges of different lengths"],
    ["a range of all", "services:\n  a:\n    ports: ['1-65535']\n", "is not a port"],
    [
      "a quote",
      'services:\n  a:\n    command: "sh -c \'x"\n',
      "compose.yaml:3:5: has a quote that is not closed",
    ],
    [
      "a variable",
      "services:\n  a:\n    image: ${\n",
      'compose.yaml:3:5: "${" has a "$" that begins no variable',
    ],
    [
      "a demanded variable",
      `services:\n  a:\n    image: $${"{TAG:?say which}"}\n`,
      "compose.yaml:3:5: the variable TAG must be set (say which)",
    ],
    [
      "a nest of variables",
      `services:\n  a:\n    image: "${"${A:-".repeat(40)}${"}".repeat(40)}"\n`,
      "variables are nested too deep",
    ],
    [
      "an extension of itself",
      "services:\n  a: { extends: b }\n  b: { extends: a }\n",
      "compose.yaml:2:8: extends itself: compose.yaml a -> compose.yaml b -> compose.yaml a",
    ],
    [
      "an extension of nothing",
      "services:\n  web: {}\n  a: { extends: wep }\n",
      "compose.yaml:3:8: there is no service wep in compose.yaml; did you mean web?",
    ],
    [
      "an extension from nowhere",
      "services:\n  a: { extends: { file: no.yaml, service: b } }\n",
      "no.yaml: there is no such file",
    ],
    [
      "an inclusion of itself",
      "include: [compose.yaml]\nservices: {}\n",
      "compose.yaml: is included by itself: compose.yaml -> compose.yaml",
    ],
    [
      "an inclusion from elsewhere",
      "include: [oci://example/x]\n",
      "compose.yaml:1:11: includes a project from elsewhere",
    ],
    ["variables from nowhere", "services:\n  a: { env_file: no.env }\n", "compose.yaml:2:8: "],
    [
      "a dependency on nothing",
      "services:\n  a: { depends_on: [b] }\n",
      "compose.yaml:2:8: services.a depends on b, which is not in the project",
    ],
    ["an empty file", "", "compose.yaml: the file is empty"],
  ])("for %s", async (_what, text, line) => {
    const error = await errorOf(compose(text));
    expect(error).toContain("compose file refused: ");
    expect(error).toContain(line);
  });

  it("for its size, its kind, or its bytes", async () => {
    expect(await errorOf(compose(`# ${"x".repeat(1024 * 1024)}`))).toContain(
      "compose.yaml: is larger than 1 MiB",
    );
    expect(await errorOf({ "compose.yaml": new Uint8Array([0xff, 0xfe]) })).toContain("is not UTF-8 text");
    await rm(path.join(folder, "compose.yaml"));
    await mkdir(path.join(folder, "compose.yaml"));
    expect(await errorOf({})).toContain("compose.yaml: is a folder");
  });

  it("for a chain of more files than any project has", async () => {
    const files = Array.from({ length: 300 }, (_, i) => [
      `${i}.yaml`,
      `include: ["${i + 1}.yaml"]\nservices: {}\n`,
    ]);
    const error = await errorOf(
      { ...Object.fromEntries(files), "300.yaml": "services: {}\n" },
      { files: ["0.yaml"] },
    );
    expect(error).toContain("256.yaml: the project has more than 256 files");
  });

  it("for a circle of inclusions over several files", async () => {
    const error = await errorOf({
      "compose.yaml": "include: [a/compose.yaml]\n",
      "a/compose.yaml": "include: [../b.yaml]\n",
      "b.yaml": "include: [a/compose.yaml]\n",
    });
    expect(error).toContain(
      "a/compose.yaml: is included by itself: compose.yaml -> a/compose.yaml -> b.yaml -> a/compose.yaml",
    );
  });

  it("for variables that are no variables, with their line", async () => {
    expect(await errorOf({ ...compose("services: {}\n"), ".env": "A=1\nno value here\n" })).toContain(
      ".env:2: is not NAME=VALUE",
    );
    expect(await errorOf({ ...compose("services: {}\n"), ".env": 'A="1\n' })).toContain(
      ".env:1: has a quote that is not closed",
    );
  });
});

it("says where compose looks where there is no file", async () => {
  expect(await errorOf({}, { files: ["none.yaml"] })).toContain("none.yaml: there is no such file");
});

it("names the files from the folder where a person stands, and takes those of COMPOSE_FILE", async () => {
  const error = await errorOf(
    { "a.yaml": "services:\n  a: { image: x }\n", "b/b.yaml": "services:\n  a: { imag: x }\n" },
    { env: { COMPOSE_FILE: `a.yaml${path.delimiter}b/b.yaml` } },
  );
  expect(error).toContain("b/b.yaml:2:8: services.a.imag: unknown key");
});

it("reads three hundred services with aliases in time", async () => {
  const services = Array.from(
    { length: 1_000 },
    (_, i) => `  s${i}: { <<: *c, environment: *e, depends_on: [s0] }`,
  );
  const text = `x-c: &c { image: x, ports: ["80"] }\nx-e: &e { A: "1", B: "2" }\nservices:\n${services.join("\n").replace("depends_on: [s0]", "")}\n`;
  expect(await errorOf(compose(text))).toBe("");
});
