// What `meshwright new` writes, and what it does not change.
// test/integration/commands/tutorial.long.test.ts shows that the filter builds and passes its
// tests.

import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { newFilter } from "./new-filter.js";
import { roomFiles } from "./room-files.js";

let root: string;

beforeEach(async () => {
  root = await realpath(await mkdtemp(path.join(tmpdir(), "meshwright-new-")));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const read = (file: string) => readFile(path.join(root, file), "utf8");
const readJson = async (file: string) => JSON.parse(await read(file));

describe("the folder of a new filter", () => {
  test("has every file of the template under the filter's own name, with meshwright's name in its imports", async () => {
    const { files, mustInstall } = await newFilter("my-2nd-filter", { dir: root });
    const template = await readdir(path.join(PACKAGE_ROOT, "filters/template"));
    const room = await readdir(path.join(root, "filters/my-2nd-filter"));
    expect(room.sort()).toEqual(template.sort());
    expect(files).toEqual(expect.arrayContaining(room.map((file) => `filters/my-2nd-filter/${file}`)));
    expect(mustInstall).toBe(true);
    const text = (await Promise.all(room.map((file) => read(`filters/my-2nd-filter/${file}`)))).join("\n");
    expect(text).not.toMatch(/template|\.\.\/\.\./);
    expect(text).toContain('"my_2nd_filter.requests_total"');
    expect(text).toContain('from "meshwright/assembly/exports/plugin"');
    expect((await readdir(path.join(root, "filters"))).sort()).toEqual(["my-2nd-filter", "tsconfig.json"]);
  });

  test("may have a name that contains the template's", async () => {
    const text = [...(await roomFiles("template-template", "package")).values()].join("\n");
    expect(text).toContain('"template_template.requests_total"');
    expect(text).toContain('Bytes.of("template_template_missing")');
    expect(text).toContain('filterModule("template-template")');
  });

  test("in a checkout imports the SDK beside it", async () => {
    const text = [...(await roomFiles("mine", "checkout")).values()].join("\n");
    expect(text).toContain('from "../../assembly/exports/plugin"');
    expect(text).not.toContain("meshwright/");
  });

  test.each([
    ["", /cannot be a filter's name/],
    ["../escape", /cannot be a filter's name/],
    ["My-Filter", /use up to 64 lower-case letters/],
    ["1st", /a letter first/],
    ["a".repeat(65), /up to 64/],
    ["a\nb", /cannot be a filter's name/],
    ["trace-headers", /is taken by a filter of meshwright/],
  ])("is not made under the name %j", async (name, message) => {
    await expect(newFilter(name, { dir: root })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(message),
    });
    expect(await readdir(root)).toEqual([]);
  });

  test("does not overwrite what exists, and is not made in an installed package", async () => {
    await mkdir(path.join(root, "filters/mine"), { recursive: true });
    await writeFile(path.join(root, "filters/mine/notes.txt"), "mine");
    await expect(newFilter("mine", { dir: root })).rejects.toThrow(/filters\/mine exists already/);
    expect(await readdir(path.join(root, "filters/mine"))).toEqual(["notes.txt"]);
    const installed = path.join(root, "node_modules/some");
    await expect(newFilter("mine", { dir: installed })).rejects.toThrow(/is an installed package/);
    expect(await readdir(root)).toEqual(["filters"]);
  });

  test("is made as a whole or not at all", async () => {
    const reason = new Error("interrupted");
    await expect(newFilter("mine", { dir: root, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(await readdir(root)).toEqual([]);
    await mkdir(path.join(root, `filters/.mine.${2 ** 22 + 1}.partial`), { recursive: true });
    await newFilter("mine", { dir: root });
    expect((await readdir(path.join(root, "filters"))).sort()).toEqual(["mine", "tsconfig.json"]);
  });
});

describe("the package around it", () => {
  test("is made when there is none", async () => {
    await newFilter("mine", { dir: path.join(root, "My Filters!") });
    expect(await readJson("My Filters!/package.json")).toMatchObject({
      name: "my-filters",
      private: true,
      type: "module",
      scripts: { build: "meshwright build", test: "meshwright test" },
      devDependencies: { assemblyscript: "0.28.14", meshwright: expect.any(String) },
      overrides: { "@as-pect/cli": { assemblyscript: "$assemblyscript" } },
    });
    expect(await read("My Filters!/.gitignore")).toBe("node_modules/\nbuild/\n.meshwright/\n");
  });

  test("keeps its contents, and its indent", async () => {
    const before = {
      name: "shop",
      scripts: { test: "mine" },
      dependencies: { zod: "4.0.0" },
      devDependencies: { vitest: "4.0.1" },
      overrides: { "@as-pect/core": "1" },
      files: ["x"],
    };
    await writeFile(path.join(root, "package.json"), JSON.stringify(before, null, "\t"));
    await writeFile(path.join(root, ".gitignore"), "/build\n*.log");
    await writeFile(path.join(root, "tsconfig.json"), "mine");
    await newFilter("mine", { dir: root });
    const after = await readJson("package.json");
    expect(Object.keys(after)).toEqual(Object.keys(before));
    expect(after).toMatchObject(before);
    expect(after.scripts.build).toBe("meshwright build");
    expect(after.devDependencies.zod).toBeUndefined();
    expect(await read("package.json")).toMatch(/^\{\n\t"name"/);
    expect(await read(".gitignore")).toBe("/build\n*.log\nnode_modules/\n.meshwright/\n");
    expect(await read("tsconfig.json")).toBe("mine");
  });

  test("keeps its line ends, and may begin with a byte order mark", async () => {
    await writeFile(path.join(root, "package.json"), '\uFEFF{\r\n\t"name": "shop"\r\n}\r\n');
    await newFilter("mine", { dir: root });
    const text = await read("package.json");
    expect(text).toMatch(/^\{\r\n\t"name": "shop",\r\n/);
    expect(text).not.toMatch(/[^\r]\n/);
  });

  test("has its overrides in its workspace's root, because npm reads no others", async () => {
    const workspace = { name: "all", workspaces: ["packages/*"], overrides: { other: "1" } };
    await writeFile(path.join(root, "package.json"), JSON.stringify(workspace));
    const dir = path.join(root, "packages/one");
    const { files } = await newFilter("mine", { dir });
    expect(files).toContain(path.join("..", "..", "package.json"));
    expect((await readJson("packages/one/package.json")).overrides).toBeUndefined();
    expect(await readJson("package.json")).toMatchObject({
      ...workspace,
      overrides: { other: "1", "@as-pect/cli": { assemblyscript: "0.28.14" } },
    });
  });

  test("is not changed by a second filter", async () => {
    await newFilter("one", { dir: root });
    const before = await read("package.json");
    const { files } = await newFilter("two", { dir: root });
    expect(files.every((file) => file.startsWith("filters/two/"))).toBe(true);
    expect(await read("package.json")).toBe(before);
  });

  test("gets a test command in place of the one that npm init writes", async () => {
    const scripts = { test: 'echo "Error: no test specified" && exit 1' };
    await writeFile(path.join(root, "package.json"), JSON.stringify({ scripts }));
    await newFilter("mine", { dir: root });
    expect((await readJson("package.json")).scripts.test).toBe("meshwright test");
  });

  test.each([
    ["no JSON", "{,}", /package\.json is not JSON: /],
    ["several lines that are not JSON", '{\n"a"\n:,\n}\n', /package\.json is not JSON: [^\n]*$/],
    ["a list", "[]", /must be an object/],
    ["null", "null", /must be an object/],
    ["scripts that are an array", '{"scripts": []}', /package\.json: scripts: must be an object/],
    ["overrides that are text", '{"overrides": "x"}', /package\.json: overrides: must be an object/],
  ])("with %s for a package.json is refused, and nothing is written", async (_, text, message) => {
    await writeFile(path.join(root, "package.json"), text);
    await expect(newFilter("mine", { dir: root })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(message),
    });
    expect(await readdir(root)).toEqual(["package.json"]);
    expect(await read("package.json")).toBe(text);
  });

  test("with a folder for a package.json is refused", async () => {
    await mkdir(path.join(root, "package.json"));
    await expect(newFilter("mine", { dir: root })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(/package\.json cannot be read: EISDIR/),
    });
  });

  test("that is a file is reported with its path", async () => {
    const file = path.join(root, "file");
    await writeFile(file, "");
    await expect(newFilter("mine", { dir: file })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(/^cannot write to .*file/),
    });
  });
});
