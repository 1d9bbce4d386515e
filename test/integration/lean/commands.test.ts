// Lean builds on the command line: an image for settings, what is told of it, and settings that it
// cannot serve.

import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { leftOutOf } from "../../../envoy/module/lean.js";
import { readModule } from "../../../envoy/module/read.js";
import { moduleIn } from "../../../oci/image/module.js";
import { readLayout } from "../../../oci/layout/read.js";
import { runMain } from "../commands/run-main.js";

const LIMITS = "rules: [{ name: all, local: { limit: 1, unit: hour } }]\n";

let folder: string;
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "lean-commands-")));
  await writeFile(at("rate-limit.yaml"), LIMITS);
  await writeFile(at("rate-limit.headers.yaml"), `headers: ietf\n${LIMITS}`);
  await writeFile(at("trace-headers.yaml"), "{}\n");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Packs rate-limit for these settings, and returns the module in its image. */
async function packFor(place: string, ...settings: string[]) {
  const files = settings.flatMap((name) => ["--for", at(name)]);
  const { exitCode, stdout, stderr } = await runMain([
    "pack",
    "rate-limit",
    ...files,
    "--out-dir",
    at(place),
  ]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const { image } = await readLayout(at(`${place}/rate-limit.oci`));
  const module = at(`${place}.wasm`);
  await writeFile(module, (await moduleIn(image)) ?? "");
  const { annotations } = JSON.parse(Buffer.from(image.manifest.bytes).toString("utf8"));
  return { stdout, module, annotations, leftOut: leftOutOf(readModule(await readFile(module))) };
}

test("pack --for leaves out what no file of settings needs, and the image says so", async () => {
  const one = await packFor("one", "rate-limit.yaml");
  const all = "proxy_on_response_headers,proxy_on_response_body,proxy_on_context_create,proxy_on_delete";
  expect(one.leftOut.join()).toBe(all);
  expect(one.annotations["meshwright.left-out"]).toBe(all);
  expect(one.stdout).toContain(
    "\n  without response_headers, response_body, context_create, delete: it refuses settings that need them\n",
  );
  const both = await packFor("both", "rate-limit.yaml", "rate-limit.headers.yaml");
  expect(both.leftOut).toEqual(["proxy_on_response_body", "proxy_on_context_create"]);
  const whole = await packFor("whole");
  expect(whole.leftOut).toEqual([]);
  expect(whole.annotations).not.toHaveProperty("meshwright.left-out");
});

test("inspect shows what is left out, and validate tries settings on the module", async () => {
  const { module } = await packFor("shown", "rate-limit.yaml");
  const inspected = await runMain(["inspect", module]);
  expect(inspected.stdout).toMatch(
    /left out +response_headers, response_body, context_create, delete: settings/,
  );
  const validate = (file: string) => runMain(["validate", at(file), "--module", module]);
  expect(await validate("rate-limit.yaml")).toMatchObject({ exitCode: 0, stderr: "" });
  const refused = await validate("rate-limit.headers.yaml");
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain(
    `${at("rate-limit.headers.yaml")}:1:1: the module of rate-limit refuses this configuration`,
  );
  expect(refused.stderr).toContain("needs proxy_on_response_headers, proxy_on_delete, which this lean build");
});

test("render takes no lean image for settings that it cannot serve", async () => {
  await writeFile(at("package.json"), "{}");
  await packFor("build", "rate-limit.yaml");
  const render = (file: string) =>
    runMain(["render", "istio", file, "--for", "web", "--registry", "r.example/m"], folder);
  expect((await render("rate-limit.yaml")).exitCode).toBe(0);
  const refused = await render("rate-limit.headers.yaml");
  expect([refused.exitCode, refused.stdout]).toEqual([1, ""]);
  expect(refused.stderr).toContain("which this lean build leaves out");
});

test("render envoy --lean names a module for the settings, and says where it must be", async () => {
  const { exitCode, stdout, stderr } = await runMain(
    [
      ...["render", "envoy", "trace-headers.yaml", "--upstream", "http://127.0.0.1:8080"],
      ...["--lean", "--modules", "/etc/envoy"],
    ],
    folder,
  );
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  const [, name = ""] =
    /filename: "\/etc\/envoy\/(trace-headers\.lean-[0-9a-f]{12}\.wasm)"/.exec(stdout) ?? [];
  expect(stderr).toContain(`copy build/${name} to /etc/envoy before Envoy starts`);
  expect(leftOutOf(readModule(await readFile(at(`build/${name}`))))).toContain("proxy_on_delete");
});

test.each([
  [
    ["pack", "rate-limit", "fallback", "--for", "rate-limit.yaml"],
    2,
    /--for FILE is about the settings of one/,
  ],
  [["pack", "rate-limit", "--for", "trace-headers.yaml"], 1, /trace-headers\.yaml:1:1.*rules/],
  [["pack", "rate-limit", "--for", "none.yaml"], 1, /none\.yaml/],
  [["validate", "rate-limit.yaml", "--module", "none.wasm"], 3, /there is no module at none\.wasm/],
  [["validate", "rate-limit.yaml", "--module", "rate-limit.yaml"], 3, /is not a WebAssembly module/],
] as const)("%j ends with %d and says why", async (words, code, message) => {
  const { exitCode, stderr } = await runMain(words, folder);
  expect(stderr).toMatch(message);
  expect(exitCode).toBe(code);
});
