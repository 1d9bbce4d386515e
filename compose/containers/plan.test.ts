import { copyFile, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { FILTERS } from "../../filters/catalog.js";
import { filterModule } from "../../toolchain/compile/filter-module.js";
import { LeanModules } from "../lean-modules.js";
import { meshSchema } from "../mesh/schema.js";
import { planRun, type RunOptions } from "./plan.js";

const RUN: RunOptions = {
  file: "/shop/mesh.yaml",
  project: "shop",
  directory: "/shop/.meshwright/shop",
  settings: {
    images: { ENVOY_IMAGE: "envoy", NODE_IMAGE: "node", REDIRECT_IMAGE: "redirect" },
    gatewayAddress: "127.0.0.1",
    gatewayPort: 10_000,
    statusPort: 9901,
  },
  pods: 1,
  lean: new LeanModules("/shop/.meshwright/shop/modules"),
};

function plan(names: readonly string[]) {
  const versions = Object.fromEntries(names.map((name) => [name, { command: "node" }]));
  const mesh = meshSchema(FILTERS).parse({
    name: "shop",
    gateway: { routes: [{ prefix: "/", service: "web" }] },
    services: { web: { default: "v1", versions } },
  });
  return planRun(mesh, RUN);
}

it("changes nothing about the containers of a mesh that runs when a version comes", () => {
  const [before, after] = [plan(["v1"]), plan(["v1", "v2"])];
  expect(Object.keys(after.project.services)).toContain("web_v2");
  expect(after.project.shared).toEqual(before.project.shared);
  for (const name of ["web_v1", "web_v1-sidecar", "web_v1-app"]) {
    expect(after.project.services[name]).toEqual(before.project.services[name]);
  }
});

it("gives each Envoy the lean build for its settings, and checks the whole modules alone", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "container-plan-"));
  try {
    const modules = path.join(directory, "modules");
    await mkdir(modules);
    await copyFile(await filterModule("trace-headers"), path.join(modules, "trace-headers.wasm"));
    const run = { ...RUN, directory, lean: new LeanModules(modules) };
    const traced = (config: string) =>
      planRun(
        meshSchema(FILTERS).parse({
          name: "shop",
          filters: [{ filter: "trace-headers", at: ["inbound"], config: JSON.parse(config) }],
          gateway: { routes: [{ prefix: "/", service: "web" }] },
          services: { web: { default: "v1", versions: { v1: { command: "node" } } } },
        }),
        run,
      );
    const named = (text = "") => [...text.matchAll(/\/modules\/(\S+\.wasm)/g)].map(([, file]) => file);
    const filesOf = ({ envoyFiles }: { readonly envoyFiles: ReadonlyMap<string, string> }) =>
      new Set([...envoyFiles.values()].flatMap((text) => named(text)));
    const [plain, told] = [traced("{}"), traced('{"responseHeader":"x-trace"}')];
    const [lean = ""] = filesOf(plain);
    expect(lean).toMatch(/^trace-headers\.lean-[0-9a-f]{12}\.wasm$/);
    expect([...filesOf(told)]).not.toContain(lean);
    // The user of an Envoy is not the one who writes.
    expect((await stat(path.join(modules, lean))).mode & 0o777).toBe(0o644);
    expect(plain.composeFile).toContain("/modules/trace-headers.wasm");
    expect(told.composeFile).toBe(plain.composeFile);
  } finally {
    await rm(directory, { recursive: true });
  }
});
