// The tutorial as its reader takes it: a checkout, an empty folder beside it, and every command,
// change and file of the page as it stands. Only the page's fixed ports are free ones here.

import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { findNpm } from "../../../envoy/runtime/find-npm.js";
import { portState } from "../../../envoy/runtime/ports.js";
import { runProgram } from "../../../envoy/runtime/run-program.js";
import { send } from "../../../kit/envoy/client.js";
import { copySources } from "../../package/pack.js";
import { AuthorShell } from "./author-shell.js";
import { processesNaming } from "./cli-process.js";
import { serveTutorial } from "./tutorial-envoy.js";
import { type Answer, changed, readCommand, readSteps, type Step } from "./tutorial-page.js";

const TEST_MS = 480_000;
const POLL_MS = { timeout: 60_000, interval: 250 };
const STEPS = readSteps(readFileSync(path.join(PACKAGE_ROOT, "filters/TUTORIAL.md"), "utf8"));
const ROOM = "filters/key-gate";
/** What the page says of an answer in words. */
const WORDS: Readonly<Record<string, RegExp>> = {
  "with the challenge": /^www-authenticate: ApiKey realm="shop"\r?$/im,
};

let folder: string;
let author: string;
let shell: AuthorShell;
let servicePort: number;
let envoyPort: number;
/** Why no further step can be taken. */
let stuck: string | undefined;

/** npm's messages when the network is unavailable. */
const OFFLINE = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|E5\d\d)\b/;

/** Why npm cannot install anything here; `undefined` if it can. */
async function whyNoRegistry(): Promise<string | undefined> {
  const { code, output } = await runProgram(findNpm(), ["ping"]);
  if (code === 0 || !OFFLINE.test(output)) return undefined;
  return `npm reaches no registry: ${output.trim().split("\n").at(-1)}`;
}

/**
 * A free port below those that the system hands out: it is used minutes later, while other tests
 * take theirs from the system.
 */
async function quietPort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    if ((await portState(port)) === "free") return port;
  }
}

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "meshwright-tutorial-")));
  author = path.join(folder, "author");
  await mkdir(author);
  [servicePort, envoyPort] = [await quietPort(), await quietPort()];
  stuck = await whyNoRegistry();
  if (stuck !== undefined) return;
  await copySources(path.join(folder, "meshwright"));
  shell = new AuthorShell(author);
}, TEST_MS);
afterAll(async () => {
  await shell?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const inFolder = (file: string) => path.join(author, file);
const read = (file: string) => readFile(inFolder(file), "utf8");
const edit = async (file: string, from: string, to: string) => {
  const text = await read(file);
  expect(text.split(from)).toHaveLength(2);
  await writeFile(
    inFolder(file),
    text.replace(from, () => to),
  );
};
const ask = (key?: string) =>
  send(`http://127.0.0.1:${envoyPort}/`, { headers: key === undefined ? [] : [["x-api-key", key]] });

describe("the tutorial", { timeout: TEST_MS }, () => {
  test.for(STEPS.map((step) => [titleOf(step), step] as const))("%s", async ([title, step], { skip }) => {
    skip(stuck !== undefined, stuck);
    stuck = `the step before failed: ${title}`;
    await take(step);
    stuck = undefined;
  });

  test("is right that the next request meets changed keys", async ({ skip }) => {
    skip(stuck !== undefined, stuck);
    await writeFile(inFolder("keys.yaml"), "values: [key-of-billing]\n");
    await expect.poll(async () => (await ask("key-of-billing")).status, POLL_MS).toBe(200);
    expect(await ask("key-of-shop")).toMatchObject({ status: 403 });
  });

  test("is right that a changed filter is built and loaded into the Envoy that runs", async ({ skip }) => {
    skip(stuck !== undefined, stuck);
    await edit(`${ROOM}/index.ts`, 'realm="shop"', 'realm="store"');
    await expect
      .poll(async () => (await ask()).headers, POLL_MS)
      .toContainEqual(["www-authenticate", 'ApiKey realm="store"']);
  });

  test("is right that what cannot be taken is refused with its line, and the old one stays", async ({
    skip,
  }) => {
    skip(stuck !== undefined, stuck);
    await writeFile(inFolder("keys.yaml"), "values: [one]\nkeys: [two]\n");
    await expect.poll(() => shell.backgroundOutput, POLL_MS).toMatch(/keys\.yaml:2.*keys/);
    await edit(`${ROOM}/index.ts`, "sendLocalReply(unchecked", "sendLocalReply(misspelt");
    await expect
      .poll(() => shell.backgroundOutput, POLL_MS)
      .toMatch(/filters\/key-gate\/index\.ts\(\d+,\d+\)/);
    expect(await ask("key-of-billing")).toMatchObject({ status: 200 });
    await edit(`${ROOM}/index.ts`, "sendLocalReply(misspelt", "sendLocalReply(unchecked");
    await edit(`${ROOM}/index.ts`, 'realm="store"', 'realm="shop"');
  });

  test("leaves nothing that runs after Ctrl-C", async ({ skip }) => {
    skip(stuck !== undefined, stuck);
    await shell.interrupt();
    expect(processesNaming(author)).toEqual([]);
  });

  test("is right that the conformance suite finds what no test of the filter looks for", async ({ skip }) => {
    skip(stuck !== undefined, stuck);
    const policy = await read(`${ROOM}/policy.ts`);
    const missing = "    if (!value) return Outcome.Missing;\n";
    await edit(`${ROOM}/policy.ts`, missing, `${missing}    if (SEEN[value.size]) return Outcome.Unknown;\n`);
    await edit(`${ROOM}/policy.ts`, "/** Knows", "const SEEN = new StaticArray<bool>(65);\n\n/** Knows");
    const line = (await read(`${ROOM}/policy.ts`)).split("if (SEEN")[0]?.split("\n").length;
    const { code, output } = await shell.run("npx meshwright test key-gate");
    await writeFile(inFolder(`${ROOM}/policy.ts`), policy);
    expect(code, output).toBe(1);
    expect(output).not.toMatch(/FAIL.*\/(?:index\.test|policy\.spec)\.ts/);
    expect(output).toContain(`Index out of range at ${ROOM}/policy.ts:${line}:`);
    expect(output).toMatch(
      /MESHWRIGHT_SEED=\d+ repeats it\..*\(the smallest that does it\):\n\{"headers":\[\["x-[a-z-]+","[^"]+"\]\]/s,
    );
  });
});

function titleOf(step: Step): string {
  const [first = ""] = step.text.split("\n");
  return `line ${step.line}: ${step.kind === "commands" ? first : step.kind}`;
}

async function take(step: Step): Promise<void> {
  switch (step.kind) {
    case "commands":
      for (const line of step.text.trimEnd().split("\n")) await takeCommand(line, step.outcome);
      return;
    case "change":
      return writeFile(inFolder(step.file), changed(await read(step.file), step.text));
    case "write":
      return writeFile(inFolder(step.file), step.text);
    case "configuration":
      return serveTutorial(step.text, author);
  }
}

async function takeCommand(line: string, outcome: "succeeds" | "fails" | "background"): Promise<void> {
  const { command, answer } = readCommand(withFreePorts(line));
  if (outcome === "background") return shell.start(command);
  if (answer !== undefined) return expectAnswer(command, answer);
  const { code, output } = await shell.run(command);
  expect(code, output).toBe(outcome === "fails" ? 1 : 0);
  if (outcome === "fails") expect(output).toMatch(/^\d+ passed, 1 failed/m);
}

function withFreePorts(line: string): string {
  const ported = line
    .replace("127.0.0.1:8080", `127.0.0.1:${servicePort}`)
    .replace("http.server 8080", `http.server ${servicePort}`)
    .replace("127.0.0.1:10000", `127.0.0.1:${envoyPort}`);
  return line.startsWith("npx meshwright run ") ? `${ported} --port ${envoyPort}` : ported;
}

async function expectAnswer(command: string, { status, words }: Answer): Promise<void> {
  const { code, output } = await shell.runUntilAnswered(command);
  expect(code, `${output}\n${shell.backgroundOutput}`).toBe(0);
  expect(output).toMatch(new RegExp(`^HTTP/\\S+ ${status} `, "m"));
  if (words !== undefined) expect(output).toMatch(WORDS[words] ?? words);
}

describe("the package that the tutorial installs", { timeout: TEST_MS }, () => {
  test("has one compiler, for the SDK and for as-pect", async ({ skip }) => {
    skip(stuck !== undefined, stuck);
    const { code, output } = await shell.run("npm ls assemblyscript");
    expect(code, output).toBe(0);
    expect(new Set(output.match(/assemblyscript@\S+/g))).toEqual(new Set(["assemblyscript@0.28.14"]));
  });

  test("builds the author's filter in a bundle with a filter that comes built", async ({ skip }) => {
    skip(stuck !== undefined, stuck);
    const { code, output } = await shell.run("npx meshwright build --bundle edge trace-headers key-gate");
    expect(code, output).toBe(0);
    expect(output).toMatch(/trace-headers +[\d,]+ +up to date/);
    expect(await readdir(inFolder("build"))).toEqual(
      expect.arrayContaining(["edge.wasm", "key-gate.wasm", "key-gate.wasm.map", "schemas"]),
    );
    expect(JSON.parse(await read("build/schemas/key-gate.schema.json"))).toMatchObject({
      required: ["values"],
    });
  });

  test("copies a filter that comes built to where it is wanted", async ({ skip }) => {
    skip(stuck !== undefined, stuck);
    const { code, output } = await shell.run(
      "npx meshwright build header-routing --out-dir out && npx meshwright inspect out/header-routing.wasm",
    );
    expect(code, output).toBe(0);
    expect(output).toContain("stock Envoy would load it");
  });

  test("has types for both languages", async ({ skip }) => {
    skip(stuck !== undefined, stuck);
    for (const config of ["tsconfig.json", "filters/tsconfig.json"]) {
      expect(await shell.run(`node_modules/.bin/tsc -p ${config}`)).toEqual({ code: 0, output: "" });
    }
  });

  test("tells a fault in the filter by its line", async ({ skip }) => {
    skip(stuck !== undefined, stuck);
    await writeFile(
      inFolder(`${ROOM}/policy.ts`),
      `${await read(`${ROOM}/policy.ts`)}const a: i32 = "text";\n`,
    );
    const { code, output } = await shell.run("npx meshwright build key-gate");
    expect(code, output).toBe(3);
    expect(output).toMatch(/does not compile.*filters\/key-gate\/policy\.ts\(\d+,16\)/s);
  });
});
