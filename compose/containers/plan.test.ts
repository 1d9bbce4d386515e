import { expect, it } from "vitest";
import { FILTERS } from "../../filters/catalog.js";
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
