// What an author's package needs beside its filters: its dependencies, its scripts, and the files
// for editors and git. Existing files and entries stay as they are.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { IN_CHECKOUT, nearestPackage } from "../compile/source.js";

/** The parts of a package.json that are read or added to. */
interface PackageFile {
  readonly version?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/**
 * The packages with which filters are tested, in the versions with which meshwright itself is
 * tested.
 */
const TOOLS = ["@as-pect/cli", "@types/node", "assemblyscript", "typescript", "vitest", "zod"];
const SCRIPTS = { build: "meshwright build", test: "meshwright test" };
/** What `npm init` writes. */
const NO_TEST = 'echo "Error: no test specified" && exit 1';
const IGNORED = ["node_modules/", "build/", ".meshwright/"];

/**
 * The first is for descriptors, schemas and tests, the next for AssemblyScript. An editor uses the
 * nearest one that includes the file.
 */
const TSCONFIGS: Readonly<Record<string, unknown>> = {
  "tsconfig.json": {
    compilerOptions: {
      target: "ES2023",
      lib: ["ES2023", "ESNext.Disposable"],
      module: "NodeNext",
      types: ["node"],
      strict: true,
      skipLibCheck: true,
      noEmit: true,
    },
    include: ["filters/*/**/schema.ts", "filters/*/descriptor.ts", "filters/*/**/*.test.ts"],
  },
  "filters/tsconfig.json": {
    compilerOptions: {
      target: "ESNext",
      module: "ESNext",
      moduleResolution: "bundler",
      noLib: true,
      // The order matters: the first declares what the second leaves out and would otherwise
      // refuse.
      types: ["meshwright/assembly/editor", "assemblyscript/std/assembly/index.d.ts"],
      strict: true,
      strictPropertyInitialization: false,
      experimentalDecorators: true,
      skipLibCheck: true,
      noEmit: true,
    },
    include: ["*/**/*.ts"],
    exclude: ["*/**/schema.ts", "*/descriptor.ts", "*/**/*.test.ts", "*/**/*.spec.ts"],
  },
};

/**
 * The files to write so that the folder becomes a package in which filters are built and tested:
 * each file's whole new text, by its name below the folder. In an npm workspace the workspace's own
 * file is among them, as `../package.json`.
 * @throws MeshwrightError `usage` where a package.json is not valid
 */
export async function packageFiles(root: string): Promise<ReadonlyMap<string, string>> {
  const changed = new Map<string, string>();
  const own = await readOwn();
  const workspace = await workspaceOf(root);
  const before = await readPackage(path.join(root, "package.json"));
  const after = withNeeds(root, before, workspace === undefined ? own : { ...own, overrides: {} });
  if (after !== before) changed.set("package.json", after);
  if (workspace !== undefined) {
    const shared = withOverrides(workspace, own);
    if (shared !== workspace.text) changed.set(path.relative(root, workspace.file), shared);
  }
  const ignore = path.join(root, ".gitignore");
  const ignored = existsSync(ignore) ? await readFile(ignore, "utf8") : "";
  const ignoring = withIgnored(ignored);
  if (ignoring !== ignored) changed.set(".gitignore", ignoring);
  for (const [name, config] of Object.entries(TSCONFIGS)) {
    if (!existsSync(path.join(root, name))) changed.set(name, jsonText(config));
  }
  return changed;
}

/** A package.json as it is now. */
interface PackageText {
  readonly file: string;
  readonly text: string;
}

/** The package.json of the package's workspace: npm reads overrides only there. */
async function workspaceOf(root: string): Promise<PackageText | undefined> {
  const folder = nearestPackage(path.dirname(root));
  if (folder === undefined) return undefined;
  const file = path.join(folder, "package.json");
  const text = (await readPackage(file).catch(() => undefined)) ?? "";
  return /"workspaces"\s*:/.test(text) ? { file, text } : workspaceOf(folder);
}

/**
 * The file's text, without the byte order mark that editors on Windows write and npm ignores;
 * undefined where there is no file.
 */
async function readPackage(file: string): Promise<string | undefined> {
  if (!existsSync(file)) return undefined;
  try {
    return (await readFile(file, "utf8")).replace(/^\uFEFF/, "");
  } catch (error) {
    throw new MeshwrightError(
      "usage",
      `${file} cannot be read: ${(error as Error).message}; correct it first`,
    );
  }
}

/** The package.json of this toolkit. */
async function readOwn(): Promise<PackageFile> {
  return JSON.parse(await readFile(path.join(PACKAGE_ROOT, "package.json"), "utf8")) as PackageFile;
}

function withNeeds(root: string, before: string | undefined, own: PackageFile): string {
  const current =
    before === undefined ? newPackage(root) : parsePackage(path.join(root, "package.json"), before);
  const needs = { ...own.devDependencies, ...own.dependencies, meshwright: ownSpecifier(root, own) };
  const wanted = [...TOOLS, "meshwright"].filter((name) => current.dependencies?.[name] === undefined);
  const added = Object.fromEntries(wanted.map((name) => [name, needs[name as keyof typeof needs] ?? "*"]));
  const devDependencies = sorted({ ...added, ...current.devDependencies });
  const { test, ...scripts } = current.scripts ?? {};
  const overrides = { ...own.overrides, ...current.overrides };
  const next = {
    ...current,
    scripts: { ...SCRIPTS, ...scripts, ...(test === undefined || test === NO_TEST ? {} : { test }) },
    devDependencies,
    ...(Object.keys(overrides).length > 0 ? { overrides } : {}),
  };
  return before === undefined ? jsonText(next) : rewritten(before, current, next);
}

/** The workspace may have no dependency of its own whose version an override could refer to. */
function withOverrides({ file, text }: PackageText, own: PackageFile): string {
  const needs = { ...own.devDependencies, ...own.dependencies };
  const versions = JSON.stringify(own.overrides).replaceAll(/"\$([^"]+)"/g, (_, name) =>
    JSON.stringify(needs[name]),
  );
  const current = parsePackage(file, text);
  return rewritten(text, current, {
    ...current,
    overrides: { ...JSON.parse(versions), ...current.overrides },
  });
}

/**
 * The text of a changed package.json, formatted like the old one; the old text itself where nothing
 * changes.
 */
function rewritten(before: string, current: PackageFile, next: PackageFile): string {
  if (JSON.stringify(next) === JSON.stringify(current)) return before;
  const text = jsonText(next, indentOf(before));
  return before.includes("\r\n") ? text.replaceAll("\n", "\r\n") : text;
}

function newPackage(root: string): PackageFile {
  const name = path
    .basename(root)
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return {
    name: name === "" || name === "meshwright" ? "filters" : name,
    private: true,
    type: "module",
  } as PackageFile;
}

function parsePackage(file: string, text: string): PackageFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    // The message quotes the faulty text, with its line breaks.
    const reason = (error as Error).message.replaceAll(/\s+/g, " ");
    throw new MeshwrightError("usage", `${file} is not JSON: ${reason}; correct it first`);
  }
  const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject(parsed)) throw new MeshwrightError("usage", `${file} must be an object; correct it first`);
  const wrong = ["scripts", "dependencies", "devDependencies", "overrides"].find((key) => {
    const value = (parsed as Readonly<Record<string, unknown>>)[key];
    return value !== undefined && !isObject(value);
  });
  if (wrong === undefined) return parsed as PackageFile;
  throw new MeshwrightError("usage", `${file}: ${wrong}: must be an object; correct it first`);
}

/** Meshwright by its version, or a checkout by its path. */
function ownSpecifier(root: string, { version = "*" }: PackageFile): string {
  if (!IN_CHECKOUT) return `^${version}`;
  return `file:${path.relative(root, PACKAGE_ROOT).split(path.sep).join("/")}`;
}

function withIgnored(text: string): string {
  const lines = text.split("\n").map((line) => line.trim().replaceAll("/", ""));
  const missing = IGNORED.filter((each) => !lines.includes(each.replaceAll("/", "")));
  const gap = text === "" || text.endsWith("\n") ? "" : "\n";
  return missing.length === 0 ? text : `${text}${gap}${missing.join("\n")}\n`;
}

function sorted(record: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The indent of a line of the file; default: two spaces. */
function indentOf(text: string): string {
  return /^\{\r?\n([ \t]+)/.exec(text)?.[1] ?? "  ";
}

function jsonText(value: unknown, indent = "  "): string {
  return `${JSON.stringify(value, null, indent)}\n`;
}
