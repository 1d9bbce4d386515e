// No file imports itself through others, in TypeScript or AssemblyScript, since the files of a
// circle can only be read, tested and moved together. Imports of types count.

import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";

const IMPORT = /^(?:import|export)\s(?:[^"';]*?\sfrom\s+)?"(\.{1,2}\/[^"]+)"/gm;

/**
 * Circles of types in the in-process host that remain to be removed. No other circle is allowed.
 */
const KNOWN = [
  ["kit/host/attempt.ts", "kit/host/exchange.ts", "kit/host/proxy.ts", "kit/host/router.ts"],
  [
    "kit/host/call-outs.ts",
    "kit/host/calls/call-outs.ts",
    "kit/host/calls/headers.ts",
    "kit/host/calls/services.ts",
    "kit/host/calls/streams.ts",
    "kit/host/calls/system.ts",
    "kit/host/calls/wasi.ts",
    "kit/host/context.ts",
    "kit/host/host.ts",
    "kit/host/linked-calls.ts",
    "kit/host/root-context.ts",
    "kit/host/vm.ts",
  ],
  [
    "kit/host/direction.ts",
    "kit/host/filter-manager.ts",
    "kit/host/filter-side.ts",
    "kit/host/http-context.ts",
  ],
];

type Imports = ReadonlyMap<string, readonly string[]>;

/** The file that an import of `from` names, or `undefined` when it is not in the repository. */
function resolved(from: string, specifier: string): string | undefined {
  const target = path.join(path.dirname(from), specifier);
  const candidates = [target.replace(/\.js$/, ".ts"), `${target}.ts`, path.join(target, "index.ts")];
  return candidates.find((file) => file.endsWith(".ts") && existsSync(path.join(PACKAGE_ROOT, file)));
}

function importsOf(file: string, text: string): string[] {
  return [...text.matchAll(IMPORT)].flatMap(([, specifier = ""]) => resolved(file, specifier) ?? []);
}

/** Every source of the repository, with its imports. */
async function readImports(): Promise<Imports> {
  const listing = ["ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.ts"];
  const { stdout } = await promisify(execFile)("git", listing, { cwd: PACKAGE_ROOT });
  const files = stdout.split("\0").filter((file) => file !== "" && existsSync(path.join(PACKAGE_ROOT, file)));
  return new Map(
    files.map((file) => [file, importsOf(file, readFileSync(path.join(PACKAGE_ROOT, file), "utf8"))]),
  );
}

/**
 * The groups of files that import each other, each sorted.
 * Source: R. Tarjan, Depth-first search and linear graph algorithms, 1972.
 */
function circles(imports: Imports): string[][] {
  const numbers = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): number => {
    const number = numbers.size;
    numbers.set(file, number);
    stack.push(file);
    let low = number;
    for (const other of imports.get(file) ?? []) {
      if (!numbers.has(other)) low = Math.min(low, visit(other));
      else if (stack.includes(other)) low = Math.min(low, lowest.get(other) ?? numbers.get(other) ?? low);
    }
    lowest.set(file, low);
    if (low === number) {
      const group = stack.splice(stack.indexOf(file));
      if (group.length > 1 || imports.get(file)?.includes(file)) found.push(group.sort());
    }
    return low;
  };
  for (const file of imports.keys()) if (!numbers.has(file)) visit(file);
  return found.sort();
}

test("circles of one file, of two and of more are found", () => {
  const imports = new Map([
    ["a", ["b", "d"]],
    ["b", ["c"]],
    ["c", ["a"]],
    ["d", ["e"]],
    ["e", ["d"]],
    ["f", ["f", "a"]],
    ["g", ["a"]],
  ]);
  expect(circles(imports)).toEqual([["a", "b", "c"], ["d", "e"], ["f"]]);
});

test("an import is read however it is written", () => {
  const text = [
    'import { test } from "vitest";',
    'import type { A } from "../../envoy/errors.js";',
    'import {\n  B,\n  C,\n} from "../../assembly";',
    'export { D } from "../../assembly/context";',
    'import "../../assembly/abi/abort";',
    'const text = "import { E } from \\"../../cli/main.js\\"";',
  ].join("\n");
  expect(importsOf("test/house/circles.test.ts", text)).toEqual([
    "envoy/errors.ts",
    "assembly/index.ts",
    "assembly/context.ts",
    "assembly/abi/abort.ts",
  ]);
});

test("the repository has no import circles except the known ones", async () => {
  const imports = await readImports();
  expect(imports.get("assembly/index.ts")).toContain("assembly/context.ts");
  expect(circles(imports)).toEqual(KNOWN);
});
