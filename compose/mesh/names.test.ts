// The names that a person gives become parts of Envoy's names. No two parts get the same name,
// whatever the person's names are.

import { describe, expect, it } from "vitest";
import { z } from "zod";
import { FILTERS } from "../../filters/catalog.js";
import { defineFilter } from "../../filters/descriptor.js";
import { type MeshPlanOptions, portNames } from "./addresses.js";
import { type MeshPlan, planMesh } from "./plan.js";
import { meshSchema } from "./schema.js";

const own = (name: string) => defineFilter({ name, summary: name, schema: z.strictObject({}) });
const SCHEMA = meshSchema([...FILTERS, own("b-2-c"), own("c")]);

/**
 * Services whose filters choose among all versions, called from the gateway and from each other.
 */
function planOf(services: Readonly<Record<string, { versions: readonly string[]; filters?: string[] }>>): {
  plan: MeshPlan;
  options: MeshPlanOptions;
} {
  const names = Object.keys(services);
  const mesh = SCHEMA.parse({
    name: "shop",
    gateway: { routes: names.map((service) => ({ prefix: `/${service}/`, service })) },
    services: Object.fromEntries(
      Object.entries(services).map(([name, { versions, filters = [] }]) => [
        name,
        {
          versions: Object.fromEntries(versions.map((version) => [version, { command: "x" }])),
          calls: names,
          filters: [
            {
              filter: "header-routing",
              config: { rules: versions.map((destination) => ({ name: destination, destination })) },
            },
            ...filters.map((filter) => ({ filter })),
          ],
        },
      ]),
    ),
  });
  const ports = new Map(portNames(mesh).map((name, i) => [name, 20_000 + i]));
  const options = {
    directory: "/run",
    home: "/",
    ports,
    modulePath: ({ filter }: { readonly filter: string }) => filter,
  };
  return { plan: planMesh(mesh, options), options };
}

function expectDistinct(what: string, names: readonly string[]): void {
  const repeated = names.filter((name, i) => names.indexOf(name) !== i);
  expect(repeated, what).toEqual([]);
}

const MESHES = {
  "a service and its version, and the listener of another service": {
    outbound: { versions: ["orders"] },
    orders: { versions: ["v1"] },
  },
  "hyphens on either side": { "a-b": { versions: ["c"] }, a: { versions: ["b-c", "b"] } },
  "the mesh's own parts": {
    gateway: { versions: ["gateway", "public"] },
    app: { versions: ["app", "admin"] },
    inbound: { versions: ["outbound", "inbound"] },
    public: { versions: ["v1"] },
    "outbound-app": { versions: ["outbound-app"] },
  },
  "a version called like the route of all others": { orders: { versions: ["fallback", "default"] } },
  "a service and a filter with numbers": {
    a: { versions: ["v1"], filters: ["b-2-c"] },
    "a-2-b": { versions: ["v1"], filters: ["c"] },
  },
  "a file's ending": { orders: { versions: ["log", "access-log"] }, "orders-access": { versions: ["log"] } },
};

describe.each(Object.entries(MESHES))("names from %s", (_what, services) => {
  const { plan, options } = planOf(services);

  it("each name one Envoy, one service, one port", () => {
    expectDistinct(
      "Envoys",
      plan.envoys.map(({ name }) => name),
    );
    expectDistinct(
      "services",
      plan.services.map(({ name }) => name),
    );
    expectDistinct("variables", Object.keys(plan.services[0]?.calls ?? {}));
    expect(new Set(options.ports.values()).size).toBe(options.ports.size);
  });

  it.each(plan.envoys.map((envoy) => [envoy.name, envoy] as const))("are distinct in %s", (_name, envoy) => {
    const { clusters, listeners } = envoy.bootstrap.static_resources;
    expectDistinct(
      "clusters",
      clusters.map(({ name }) => name),
    );
    expectDistinct(
      "listeners",
      listeners.map(({ name }) => name),
    );
    expectDistinct(
      "filters",
      envoy.filters.map(({ name }) => name),
    );
    for (const listener of listeners) {
      const text = JSON.stringify(listener);
      const routes = [...text.matchAll(/"name":"([^"]+)","match":\{"prefix":"[^"]*"/g)].map(
        ([, name = ""]) => name,
      );
      expect(routes.length).toBeGreaterThan(0);
      expectDistinct(`routes of ${listener.name}`, routes);
    }
  });

  it("lead each request to its version", () => {
    for (const envoy of plan.envoys) {
      for (const { service, version, name } of plan.services) {
        const cluster = envoy.bootstrap.static_resources.clusters.find((each) => each.name === name);
        const port = options.ports.get(`${name} inbound`);
        expect(JSON.stringify(cluster?.load_assignment), `${service} ${version}`).toContain(
          `"port_value":${port}`,
        );
      }
    }
  });
});

it("of folders and logs belong to one Envoy only", () => {
  const { plan } = planOf({
    "a-b": { versions: ["c"] },
    a: { versions: ["b-c"] },
    gateway: { versions: ["v1"] },
  });
  expectDistinct(
    "access logs",
    plan.envoys.map(
      ({ bootstrap }) => /"path":"([^"]+access\.log)"/.exec(JSON.stringify(bootstrap))?.[1] ?? "",
    ),
  );
});
