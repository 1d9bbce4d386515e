// `render kustomize`: which base has which resource, and the example of an overlay.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { runMain } from "../../test/integration/commands/run-main.js";

const MESH = `
name: shop
gateway:
  routes: [{ prefix: /, service: orders }]
  filters:
    - filter: rate-limit
      config: { rules: [{ name: user, key: [{ header: x-user-id }], local: { limit: 5, unit: second } }] }
services:
  orders:
    versions: { v1: { command: run }, v2: { command: run } }
    filters:
      - filter: header-routing
        config: { rules: [{ name: beta, match: { headers: [{ name: x-group, exact: beta }] }, destination: v2 }] }
      - { filter: retry-budget, config: {} }
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "render-kustomize-"));
  await writeFile(path.join(folder, "mesh.yaml"), MESH);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const at = (name: string) => path.join(folder, name);
const read = async (name: string) => parse(await readFile(at(name), "utf8"));
const render = (...options: readonly string[]) =>
  runMain(["render", "kustomize", at("mesh.yaml"), "--registry", "registry.example/mesh", ...options]);

test("each filter has a base, what is left has one, and the overlay names them all", async () => {
  const { exitCode, stdout } = await render("--output", at("deploy"));
  expect(exitCode).toBe(0);
  expect((await readdir(at("deploy/bases"))).sort()).toEqual([
    "header-routing",
    "rate-limit",
    "retry-budget",
    "routes",
  ]);
  for (const base of await readdir(at("deploy/bases"))) {
    const { resources } = await read(`deploy/bases/${base}/kustomization.yaml`);
    const files = (await readdir(at(`deploy/bases/${base}`))).filter((name) => name !== "kustomization.yaml");
    expect([...resources].sort()).toEqual(files.sort());
    for (const file of files) expect(stdout).toContain(`/bases/${base}/${file}\n`);
  }
  const overlay = await read("deploy/overlays/example/kustomization.yaml");
  expect([...overlay.resources].sort()).toEqual(
    ["header-routing", "rate-limit", "retry-budget", "routes"].map((name) => `../../bases/${name}`),
  );
});

test("the overlay's patch has the settings of its base, where other ones go", async () => {
  await render("--output", at("patched"));
  const { patches } = await read("patched/overlays/example/kustomization.yaml");
  const [{ target, patch }] = patches;
  const [base] = (await readdir(at("patched/bases/rate-limit"))).filter((name) =>
    name.includes("wasmplugin"),
  );
  const plugin = await read(`patched/bases/rate-limit/${base}`);
  expect(target).toEqual({
    group: "extensions.istio.io",
    version: "v1alpha1",
    kind: "WasmPlugin",
    name: plugin.metadata.name,
    namespace: plugin.metadata.namespace,
  });
  expect(parse(patch)).toEqual([
    { op: "replace", path: "/spec/pluginConfig", value: plugin.spec.pluginConfig },
  ]);
});

test("the same files give the same folder, and a folder of something else is left alone", async () => {
  await render("--output", at("one"));
  await render("--output", at("two"));
  const overlay = (name: string) => readFile(at(`${name}/overlays/example/kustomization.yaml`), "utf8");
  expect(await overlay("two")).toBe(await overlay("one"));
  await writeFile(at("two/mine.txt"), "");
  await rm(at("two/.meshwright-render"));
  const { exitCode, stderr } = await render("--output", at("two"));
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 11, stderr: expect.stringContaining("--output") });
  expect(await readdir(at("two"))).toContain("mine.txt");
});

test("--output is asked for", async () => {
  expect(await render()).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("--output") });
});
