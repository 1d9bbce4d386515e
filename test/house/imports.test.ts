// Which room may import what, as `npm run check` holds it. biome's rules are tried on imports that
// break each of them, and on the nearest ones that do not.

import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";

/**
 * For each file, what it must not import and what it may. The imported names follow where they
 * matter.
 */
const IMPORTS: Readonly<Record<string, readonly [refused: readonly string[], allowed: readonly string[]]>> = {
  "filters/mine/index.ts": [
    [
      "../../assembly/index",
      "../../assembly/text/config",
      "../../assembly/rules/match-list",
      "../../assembly/abi/memory",
      "../../proxy-runtime",
      "../theirs/policy",
      "../shared/match-schema.js",
      "../catalog.js",
      "../../envoy/errors.js",
      "../../cli/main.js",
    ],
    [
      "./policy",
      "./local/bucket",
      "../../assembly",
      "../../assembly/rules",
      "../../assembly/config",
      "../../assembly/exports/plugin",
    ],
  ],
  "filters/mine/local/bucket.ts": [
    ["../../../assembly/text/config", "../../theirs/policy", "../../../kit/index.js"],
    [
      "../key/key",
      "../policy",
      "../../../assembly",
      "../../../assembly/rules",
      "../../../assembly/exports/calls",
    ],
  ],
  "filters/mine/schema.ts": [
    ["../theirs/schema.js", "../theirs/local/limits.js", "../../cli/main.js"],
    ["./limits.js", "../shared/match-schema.js", "../catalog.js", "../../envoy/config/json.js"],
  ],
  "filters/mine/descriptor.ts": [["../theirs/schema.js"], ["./schema.js", "../../envoy/config/json.js"]],
  "filters/mine/policy.spec.ts": [["../theirs/policy"], ["./policy", "../../assembly/text/bytes"]],
  "filters/mine/index.test.ts": [
    ["../theirs/schema.js", "../../cli/main.js"],
    ["../../kit/index.js", "../../test/support/tools.js"],
  ],
  "filters/mine/local/bucket.spec.ts": [
    ["../../theirs/policy"],
    ["../key/key", "../../../assembly/text/bytes"],
  ],
  "filters/shared/match-schema.ts": [
    ["../mine/schema.js"],
    ["./rule-schema.js", "../../assembly/rules/limits.js"],
  ],
  "filters/catalog.ts": [["../cli/main.js"], ["./mine/schema.js", "../envoy/errors.js"]],
  "assembly/rules/match.ts": [
    [
      "../../filters/mine/policy",
      "../../filters/shared/limits",
      "../../envoy/errors.js",
      "../../kit/index.js",
    ],
    ["../text/bytes", "./limits"],
  ],
  "assembly/context.ts": [
    ["../filters/mine/policy", "../test/support/tools.js"],
    ["./host/clock", "./abi/env"],
  ],
  "proxy-runtime/index.ts": [["../filters/mine/policy"], ["../assembly/abi/memory", "./implementation/host"]],
  "compose/mesh/plan.ts": [
    ["../../filters/mine/schema.js", "../../filters/mine/descriptor.js", "../../cli/screen.js"],
    [
      "../../filters/catalog.js",
      "../../filters/descriptor.js",
      "../../filters/shared/rule-schema.js",
      "../../envoy/config/json.js",
    ],
  ],
  "compose/chains.ts": [["../filters/mine/schema.js"], ["../filters/catalog.js", "./mesh/plan.js"]],
  "envoy/config/route.ts": [
    [
      "node:fs",
      "node:fs/promises",
      "node:child_process",
      '{ connect } from "node:net"',
      "../runtime/process.js",
      "../../cli/main.js",
    ],
    ['{ isIP } from "node:net"', "node:path", "./json.js", "../errors.js", "yaml"],
  ],
  "kit/host/host.ts": [
    ["../../test/support/tools.js", "../../cli/screen.js"],
    ["../traffic.js", "../../envoy/errors.js"],
  ],
  "kit/host/host.test.ts": [["../../cli/screen.js"], ["../../test/support/tools.js"]],
  "oci/registry/client.ts": [
    [
      "../../filters/catalog.js",
      "../../toolchain/compile/build.js",
      "../../test/support/registry.js",
      "../push.js",
      "../../cli/main.js",
    ],
    ["../image/descriptor.js", "./errors.js", "../../envoy/errors.js"],
  ],
  "oci/pack.ts": [["../cli/main.js"], ["../filters/catalog.js", "../toolchain/compile/build.js"]],
  "render/istio/routes.ts": [
    [
      "node:fs",
      "node:fs/promises",
      "../../envoy/runtime/folder.js",
      "../../toolchain/package/member.js",
      "../../filters/mine/descriptor.js",
      "../../cli/main.js",
    ],
    [
      "../files/existing.js",
      "../../compose/mesh/shape.js",
      "../../filters/catalog.js",
      "../../filters/shared/rule-schema.js",
      "node:crypto",
    ],
  ],
  "render/files/output.ts": [
    ["../../filters/mine/descriptor.js", "../../cli/main.js"],
    ["node:fs/promises", "../../envoy/runtime/folder.js", "../yaml.js"],
  ],
  "toolchain/compile/build.ts": [["../../cli/main.js"], ["../../envoy/errors.js"]],
  "envoy/runtime/find.ts": [["../../cli/main.js"], ["node:fs"]],
  "test/support/tools.ts": [["../../cli/main.js"], ["../../kit/index.js"]],
  "cli/commands/build.ts": [[], ["../screen.js", "../../toolchain/compile/build.js"]],
};

interface Report {
  readonly diagnostics: readonly {
    readonly category: string;
    readonly severity: string;
    readonly location: { readonly path: string; readonly start: { readonly line: number } };
  }[];
}

let folder: string;
/** The imports that are refused, by their file. */
let refused: ReadonlyMap<string, readonly string[]>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-imports-"));
  await cp(path.join(PACKAGE_ROOT, "biome.json"), path.join(folder, "biome.json"));
  for (const [file, lists] of Object.entries(IMPORTS)) {
    const lines = lists.flat().map((name) => `import ${name.includes(" ") ? name : JSON.stringify(name)};\n`);
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), lines.join(""));
  }
  refused = refusedBy(lint());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One run of biome over all files. */
function lint(): Report {
  const biome = createRequire(import.meta.url).resolve("@biomejs/biome/bin/biome");
  const args = [biome, "lint", "--reporter=json", "--max-diagnostics=none"];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  if (!stdout.startsWith("{")) throw new Error(stderr);
  return JSON.parse(stdout) as Report;
}

/** Each file has one import a line. A warning would not make `npm run check` fail. */
function refusedBy({ diagnostics }: Report): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { category, severity, location } of diagnostics) {
    if (category !== "lint/style/noRestrictedImports" || severity !== "error") continue;
    const name = IMPORTS[location.path]?.flat()[location.start.line - 1] ?? "";
    found.set(location.path, [...(found.get(location.path) ?? []), name]);
  }
  return found;
}

test.each(Object.entries(IMPORTS))("%s is held to what it may import", (file, [no]) => {
  expect([...new Set(refused.get(file))].sort()).toEqual([...no].sort());
});
