// What the README shows works: its filter in stock Envoy, its configuration with the schema, its
// proxy in process.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { findNpm } from "../../../envoy/runtime/find-npm.js";
import { findFilter } from "../../../filters/catalog.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream } from "../../../kit/envoy/upstream.js";
import { compileModule } from "../../../toolchain/compile/build.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const readme = readFileSync(path.join(ROOT, "README.md"), "utf8");

function block(language: string): string {
  return new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s").exec(readme)?.[1] ?? "";
}

describe("the README's filter", () => {
  // As deep below the package as the folder that the page names, so that its imports lead to the
  // SDK.
  const room = path.join(ROOT, "build", "readme");
  const module = path.join(room, "hello.wasm");

  beforeAll(async () => {
    await mkdir(room, { recursive: true });
    await writeFile(path.join(room, "index.ts"), block("ts"));
    await compileModule("build/readme/index.ts", module);
  });

  afterAll(() => rm(room, { recursive: true, force: true }));

  test("does in stock Envoy what the page says", async () => {
    await using upstream = await startUpstream();
    await using envoy = await startEnvoy({
      filters: [{ name: "hello", module }],
      upstreams: { upstream },
    });
    await send(envoy.url);
    expect(upstream.requests[0]?.headers).toContainEqual(["x-hello", "good morning"]);
  });
});

describe("the README", () => {
  test("shows a configuration that header-routing accepts", () => {
    const { success } = findFilter("header-routing").schema.safeParse(parse(block("yaml")));
    expect(success).toBe(true);
  });

  test("names scripts that package.json has", () => {
    const { scripts } = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    expect(readme).toContain("npm ci && npm start");
    expect(readme).toContain("npm ci && npm test");
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["start", "test"]));
  });
});

test("the package has every page that the README links to", () => {
  const output = execFileSync(findNpm(), ["pack", "--ignore-scripts", "--dry-run", "--json"], {
    cwd: ROOT,
    stdio: "pipe",
  });
  const [packed] = JSON.parse(output.toString()) as [{ files: readonly { path: string }[] }];
  const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link]) => link ?? "");
  expect(packed.files.map((file) => file.path)).toEqual(
    expect.arrayContaining(links.filter((link) => link.endsWith(".md"))),
  );
});
