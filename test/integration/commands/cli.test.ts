// The command line's texts: help, mistakes, exit codes, and the usage pages that the README
// repeats.

import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "./cli-process.js";
import { runMain } from "./run-main.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const COMMANDS = [
  "up",
  "init",
  "run",
  "new",
  "build",
  "image",
  "inspect",
  "pack",
  "push",
  "render",
  "test",
  "validate",
];
/** These, and the commands below them. */
const PAGES = [...COMMANDS, "render envoy", "render istio"];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "cli-"));
  await writeFile(path.join(folder, "header-routing.yaml"), "rules: []\n");
  await writeFile(path.join(folder, "header-routing.canary.yaml"), "rules: []\nrulez: []\n");
  await writeFile(path.join(folder, "rules.yaml"), "rules: []\n");
  await cp(path.join(ROOT, "compose/mesh.yaml"), path.join(folder, "mesh.yaml"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a command in this process. */
const run = (...args: string[]) => runMain(args);

describe("help", () => {
  it("lists the commands", async () => {
    const { exitCode, stdout, stderr } = await run("--help");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
  });

  it.each(PAGES)("of %s has examples and exit codes, and fits 80 columns", async (command) => {
    const { exitCode, stdout } = await run(...command.split(" "), "--help");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/Examples:\n {2}meshwright/);
    expect(stdout).toMatch(/Exit codes:\n {2}0 /);
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it.each(PAGES)("of %s is what the README says", async (command) => {
    const { stdout } = await run(...command.split(" "), "--help");
    const readme = await readFile(path.join(ROOT, "cli/README.md"), "utf8");
    expect(readme).toContain(`\`\`\`text\n${stdout.trimEnd()}\n\`\`\``);
  });

  it("is the answer to a command line without a command, as a mistake", async () => {
    const { exitCode, stdout, stderr } = await run();
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: "" });
    expect(stdout).toContain("Usage: meshwright");
  });
});

describe("a mistake", () => {
  it.each([
    [["upp"], 2, "meshwright: unknown command 'upp' (did you mean up?); see --help"],
    [["up", "--prot", "1"], 2, "meshwright: unknown option '--prot' (did you mean --port?); see --help"],
    [
      ["up", "--port", "70000"],
      2,
      /^meshwright: option '--port <number>' argument '70000' is invalid.*65535.*; see --help$/,
    ],
    [["up", "--traffic", "fast"], 2, /^meshwright: option '--traffic \[rps\]' argument 'fast' is invalid/],
    [["up", "a.yaml", "b.yaml"], 2, /^meshwright: too many arguments/],
    [
      ["up", "/nowhere/mesh.yaml"],
      1,
      "meshwright: mesh file refused: /nowhere/mesh.yaml: there is no such file",
    ],
    [["run"], 2, "meshwright: name the service behind Envoy: --upstream http://127.0.0.1:8080"],
    [
      ["run", "--upstream", "localhost:80"],
      2,
      /^meshwright: --upstream localhost:80: must begin with "http:\/\/"/,
    ],
    [["run", "--upstream", "http://h", "--filter", "x"], 2, /^meshwright: --filter x: write it as NAME=FILE/],
    [["run", "--upstream", "http://h", "--filter", "x=y"], 3, /^meshwright: there is no filter "x"/],
    [
      ["run", "--upstream", "http://h", "--log-level", "loud"],
      2,
      /^meshwright: option '--log-level <level>' .*Allowed choices/,
    ],
    [
      ["run", "--upstream", "http://h", "--retry-on", "5x"],
      2,
      'meshwright: --retry-on 5x: there is no condition "5x"; did you mean "5xx"?',
    ],
    [
      ["run", "--upstream", "http://h", "--retries", "3"],
      2,
      "meshwright: --retries needs --retry-on, as in --retry-on 5xx,connect-failure",
    ],
    [
      ["run", "--upstream", "http://h", "--retry-on", "5xx", "--retries", "0"],
      2,
      /^meshwright: option '--retries <number>' argument '0' is invalid.*from 1 to 100/,
    ],
    [
      ["run", "--upstream", "http://h", "--timeout", "soon"],
      2,
      /^meshwright: --timeout soon: must be a length of time/,
    ],
    [
      ["run", "--upstream", "http://h", "--grpc-service", "http://h"],
      2,
      /^meshwright: --grpc-service http:\/\/h: write it as NAME=URL/,
    ],
    [
      ["run", "--upstream", "http://h", "--concurrency", "many"],
      2,
      /^meshwright: option '--concurrency <number>' argument 'many' is invalid/,
    ],
    [
      ["run", "--upstream", "http://h", "--filter", "trace-headers@upstream=x"],
      2,
      /^meshwright: --filter trace-headers@upstream: only your own filters take "@"/,
    ],
    [["build", "nothing"], 3, /^meshwright: there is no filter "nothing"; the filters are: /],
    [
      ["build", "--size-budget", "1k"],
      2,
      /^meshwright: option '--size-budget <bytes>' argument '1k' is invalid/,
    ],
    [["pack", "nothing"], 3, /^meshwright: there is no filter "nothing"; the filters are: /],
    [["pack", "--format", "zip"], 2, /^meshwright: option '--format <form>' .*Allowed choices/],
    [
      ["pack", "--annotation", "x"],
      2,
      /^meshwright: option '--annotation <key=value>' argument 'x' is invalid.*KEY=VALUE; see --help$/,
    ],
    [
      ["push", "header-routing"],
      2,
      "meshwright: header-routing: name the registry, as in registry.example/mesh/header-routing:1.0.0",
    ],
    [
      ["push", "registry.invalid/x", "--from", "/nowhere.oci"],
      1,
      "meshwright: no image in /nowhere.oci: there is no such file or folder; `meshwright pack` makes one",
    ],
    [["inspect"], 2, "meshwright: missing required argument 'file'; see --help"],
    [["validate"], 2, "meshwright: missing required argument 'file'; see --help"],
    [["validate", "nothing=x.yaml"], 3, /^meshwright: there is no filter "nothing"/],
  ])("%j is one line that says what to do", async (args, code, line) => {
    const { exitCode, stdout, stderr } = await run(...args);
    expect(stdout).toBe("");
    expect(stderr.trimEnd().split("\n")).toEqual([
      typeof line === "string" ? line : expect.stringMatching(line),
    ]);
    expect(exitCode).toBe(code);
  });
});

describe("validate", () => {
  const at = (name: string) => path.join(folder, name);

  it("tells a mesh file from a filter's configuration", async () => {
    const { exitCode, stdout } = await run(
      "validate",
      at("mesh.yaml"),
      at("header-routing.yaml"),
      `header-routing=${at("rules.yaml")}`,
    );
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd().split("\n")).toEqual([
      `ok ${at("mesh.yaml")} (mesh)`,
      `ok ${at("header-routing.yaml")} (header-routing)`,
      `ok ${at("rules.yaml")} (header-routing)`,
    ]);
  });

  it("continues after a wrong file, and fails at the end", async () => {
    const { exitCode, stdout, stderr } = await run(
      "validate",
      at("header-routing.canary.yaml"),
      at("rules.yaml"),
      at("mesh.yaml"),
    );
    expect(exitCode).toBe(1);
    expect(stdout).toBe(`ok ${at("mesh.yaml")} (mesh)\n`);
    const lines = stderr.trimEnd().split("\n");
    expect(lines[0]).toBe("meshwright: 2 of 3 files are refused");
    expect(lines[1]).toMatch(/header-routing\.canary\.yaml:2:1: rulez: unknown key; did you mean "rules"\?$/);
    expect(lines[2]).toMatch(/rules\.yaml: has no "services".*write NAME=/);
  });
});

describe("inspect", () => {
  const module = path.join(ROOT, "build/header-routing.wasm");

  it("shows a module's figures, and whether Envoy would load it", async () => {
    await run("build", "header-routing");
    const { exitCode, stdout, stderr } = await run("inspect", module);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^ {2}ABI +0\.2\.1$/m);
    expect(stdout).toMatch(/^ {2}made by +AssemblyScript, /m);
    expect(stdout).toMatch(/^ {2}callbacks +\d+: .*request_headers/m);
    expect(stdout).toMatch(/^ {2}stock Envoy would load it$/m);
    for (const line of stdout.split("\n").slice(1)) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("continues after a file that is not a module, and says why at the end", async () => {
    const text = path.join(folder, "rules.yaml");
    const { exitCode, stdout, stderr } = await run("inspect", text, module);
    expect(exitCode).toBe(9);
    expect(stdout).toContain(`${text}\n  stock Envoy refuses it because it is not WebAssembly, but text\n`);
    expect(stdout).toContain("stock Envoy would load it");
    expect(stderr.trimEnd().split("\n")).toEqual([
      `meshwright: stock Envoy would refuse 1 of 2 files: ${text}`,
      "  it is not WebAssembly, but text",
    ]);
  });

  it("prints JSON with the same facts, also about refused files", async () => {
    const { exitCode, stdout } = await run("inspect", "--json", module, folder);
    expect(exitCode).toBe(9);
    expect(JSON.parse(stdout)).toMatchObject([
      { file: module, report: { abi: "0.2.1", allocator: "malloc" }, refusals: [] },
      { file: folder, report: null, refusals: ["it is a folder"] },
    ]);
  });
});

/** Builds every filter from its sources, on a machine that is busy with other tests. */
const BUILD_MS = 240_000;

describe("the command as a process", { timeout: BUILD_MS }, () => {
  it("builds every filter and writes the schemas", async () => {
    const { exitCode, stdout } = await runCli(["build"], folder);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^header-routing +[\d,]+ .*request_headers/m);
    const schema = JSON.parse(await readFile(path.join(ROOT, "build/schemas/mesh.schema.json"), "utf8"));
    expect(schema.properties.services).toBeDefined();
  });

  it("gives its version and its exit code", async () => {
    const version = await runCli(["--version"], folder);
    const { version: expected } = JSON.parse(await readFile(path.join(ROOT, "package.json"), "utf8"));
    expect(version).toEqual({ exitCode: 0, stdout: `${expected}\n`, stderr: "" });
    expect((await runCli(["upp"], folder)).exitCode).toBe(2);
  });
});
