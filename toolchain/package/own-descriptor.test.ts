// The descriptor of an author's filter: what is read, and how mistakes are reported.

import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import type { FilterDescriptor } from "../../filters/descriptor.js";
import { ownDescriptor } from "./own-descriptor.js";

const SUMMARY = "filters/mine/index.ts";
/** An installed meshwright has this file compiled; a checkout has only the source. */
const HEAD = `import { z } from ${JSON.stringify(path.join(PACKAGE_ROOT, "node_modules/zod/index.js"))};
import { defineFilter } from ${JSON.stringify(path.join(PACKAGE_ROOT, "filters/descriptor.js"))};
const schema = z.strictObject({ to: z.string() });
`;
/** For tests that need no working schema, because zod takes long to load. */
const BARE = "const schema = { _zod: {}, safeParse() {} };\n";
const FACTS = 'name: "mine", summary: "does it", schema';

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(path.join(tmpdir(), "meshwright-descriptor-")));
  await mkdir(path.join(root, "filters/mine"), { recursive: true });
  await writeFile(path.join(root, "package.json"), '{ "type": "module" }\n');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const inRoom = (file: string) => path.join(root, "filters/mine", file);
const read = (entry = "index.ts"): Promise<FilterDescriptor> => ownDescriptor("mine", inRoom(entry), SUMMARY);

/** The descriptor of a file with this text after its head. */
async function descriptor(text: string, head = BARE): Promise<FilterDescriptor> {
  await writeFile(inRoom("descriptor.ts"), head + text);
  return read();
}

async function refusal(act: () => unknown): Promise<MeshwrightError> {
  const error = await (async () => act())().catch((thrown: unknown) => thrown);
  if (!(error instanceof MeshwrightError)) throw error;
  return error;
}

describe("the descriptor beside an author's filter", () => {
  test("describes the filter as the catalog's descriptors do", async () => {
    const mine = await descriptor(
      `export default defineFilter({ ${FACTS},
  sizeBudget: 1000,
  metricLabels: ["rule", "by_2"],
  chain: () => "upstream",
  destinations: ({ to }) => [{ name: to, path: ["to"] }],
  destinationHeader: () => "x-to",
  describe: ({ to }) => ["all → " + to.toUpperCase()],
});`,
      HEAD,
    );
    const { schema: _, ...facts } = mine;
    expect(facts).toMatchObject({
      name: "mine",
      summary: "does it",
      sizeBudget: 1000,
      metricLabels: ["rule", "by_2"],
    });
    expect(mine.schema.safeParse({ to: 1 }).success).toBe(false);
    const config = { to: "v2" };
    expect(mine.chain?.(config)).toBe("upstream");
    expect(mine.destinations?.(config)).toEqual([{ name: "v2", path: ["to"] }]);
    expect(mine.destinationHeader?.(config)).toBe("x-to");
    expect(mine.describe?.(config)).toEqual(["all → V2"]);
    expect(mine).not.toHaveProperty("grpcServices");
  });

  test("may be written as the page about filters shows it", async () => {
    const page = await readFile(path.join(PACKAGE_ROOT, "filters/README.md"), "utf8");
    const section = page.slice(page.indexOf("## The descriptor of a filter of your own"));
    const text = (/^```ts\n([\s\S]*?)^```$/m.exec(section)?.[1] ?? "")
      .replace('"meshwright/descriptor"', JSON.stringify(path.join(PACKAGE_ROOT, "filters/descriptor.js")))
      .replaceAll("my-gate", "mine");
    await writeFile(inRoom("schema.ts"), "export const gateSchema = { _zod: {}, safeParse() {} };\n");
    const mine = await descriptor(text, "");
    const config = { where: "upstream", keys: [{ key: "a", version: "v2" }] };
    expect(mine.chain?.(config)).toBe("upstream");
    expect(mine.restartKeys?.({ keys: [] })).toEqual({ where: "downstream" });
    expect(mine.destinations?.(config)).toEqual([{ name: "v2", path: ["keys", 0, "version"] }]);
    expect(mine.describe?.(config)).toEqual(["a → v2"]);
  });

  test("is read in its current form, and in a package of CommonJS too", async () => {
    for (const [type, summary] of [
      ["module", "one"],
      ["commonjs", "two"],
      ["commonjs", "three"],
    ]) {
      await writeFile(path.join(root, "package.json"), JSON.stringify({ type }));
      const text = `export default { name: "mine", schema, summary: "${summary}" };`;
      expect(await descriptor(text)).toMatchObject({ summary });
    }
    await expect(descriptor(`export const mine = { ${FACTS} };`)).rejects.toThrow(/has no default export/);
  });

  test("comes before the schema file, which is enough without a descriptor", async () => {
    const from = (file: string) => `const schema = { _zod: {}, safeParse: () => "${file}" };\n`;
    await writeFile(inRoom("schema.ts"), `${from("schema.ts")}export const mineSchema = schema;\n`);
    expect(await read()).toMatchObject({ name: "mine", summary: SUMMARY });
    expect((await read()).schema.safeParse({})).toBe("schema.ts");
    const both = await descriptor(`export default { ${FACTS} };`, from("descriptor.ts"));
    expect(both.schema.safeParse({})).toBe("descriptor.ts");
    expect((await read("other.ts")).schema.safeParse({})).toBe("schema.ts");
  });

  test.each([
    ["throws", 'throw new Error("first\\nsecond");', /cannot be read: first$/],
    ["is not TypeScript", "export default = ;", /cannot be read: /],
    ["imports a missing package", 'import "no-such-package";', /cannot be read: .*no-such-package/],
    [
      "has no default export",
      `export const mine = { ${FACTS} };`,
      /has no default export: write "export default defineFilter\(\{ … \}\)"$/,
    ],
    ["is not an object", "export default 7;", /expected object/],
    [
      "has another name",
      `export default { ${FACTS}, name: "other" };`,
      /: name: must be mine, like the folder's$/,
    ],
    ["has no summary", 'export default { name: "mine", schema };', /: summary: is required$/],
    [
      "has a summary of two lines",
      `export default { ${FACTS}, summary: "a\\nb" };`,
      /: summary: must be one line$/,
    ],
    ["has no schema", `export default { ${FACTS}: { parse() {} } };`, /: schema: must be a schema of zod 4$/],
    [
      "has an unknown key",
      `export default { ${FACTS}, destination: () => [] };`,
      /: destination: unknown key; did you mean "destinations"\?$/,
    ],
    [
      "has a value instead of a function",
      `export default { ${FACTS}, chain: "upstream" };`,
      /: chain: must be a function$/,
    ],
    [
      "has half a byte in its size",
      `export default { ${FACTS}, sizeBudget: 0.5 };`,
      /: sizeBudget: must be a whole number$/,
    ],
    [
      "has a label that is not a name",
      `export default { ${FACTS}, metricLabels: ["a-b"] };`,
      /: metricLabels\[0\]: must be letters, digits and '_'/,
    ],
  ])("that %s is reported with its path, in one line", async (_, text, message) => {
    const { code, message: told } = await refusal(() => descriptor(text));
    expect(code).toBe("build");
    expect(told.startsWith(`${inRoom("descriptor.ts")}`)).toBe(true);
    expect(told).toMatch(message);
    expect(told).not.toContain("\n");
  });

  test.each<[keyof FilterDescriptor, string, RegExp]>([
    ["chain", '"sideways"', /: chain returns a wrong value: .*must be "downstream" or "upstream"$/],
    ["destinations", '["v2"]', /: destinations returns a wrong value: \[0\]: /],
    ["choosesDestination", '"yes"', /: choosesDestination returns a wrong value: /],
    ["destinationHeader", '"X-To"', /must be a header name in lower case/],
    ["grpcServices", '[{ name: "", path: [] }]', /\[0\]\.name: must not be empty$/],
    ["restartKeys", "undefined", /: restartKeys returns a wrong value: /],
    ["sharedData", '""', /: sharedData returns a wrong value: .*must not be empty$/],
    ["inCluster", "() => 1", /: inCluster returns a wrong value: /],
    ["routerHeaders", '["content-length"]', /must not be a header that has a meaning of its own$/],
    ["outlierHeaders", '["X-Slow"]', /must be a header name in lower case/],
    ["mirrors", '["v2"]', /: mirrors returns a wrong value: \[0\]: /],
    ["explainProperties", '[""]', /\[0\]: must not be empty$/],
    ["states", '[{ gauge: "g" }]', /: states returns a wrong value: \[0\]\.words: /],
    ["refusedRetryConditions", '{ "5xx": 1 }', /: refusedRetryConditions returns a wrong value: 5xx: /],
    ["describe", '"all"', /: describe returns a wrong value: /],
    ["tries", '[{ path: "a" }]', /\[0\]\.path: must begin with "\/"$/],
    ["tries", "config.no.such", /: tries fails: Cannot read properties of undefined/],
  ])("whose %s returns %s is reported when it is called", async (question, answer, message) => {
    const mine = await descriptor(`export default { ${FACTS}, ${question}: (config) => (${answer}) };`);
    const ask = mine[question] as (config: unknown) => unknown;
    const { code, message: told } = await refusal(() => ask({ to: "v2" }));
    expect({ code, told }).toEqual({ code: "build", told: expect.stringMatching(message) });
    expect(told.startsWith(`${inRoom("descriptor.ts")}: ${question} `)).toBe(true);
  });
});
