import { describe, expect, it } from "vitest";
import { FILTERS } from "../../filters/catalog.js";
import { structuralChanges } from "./change.js";
import { meshSchema } from "./schema.js";

const SCHEMA = meshSchema(FILTERS);

const BASE = {
  name: "shop",
  gateway: { routes: [{ prefix: "/", service: "front" }] },
  services: {
    front: {
      versions: { v1: { command: ["node"] }, v2: { command: ["node"] } },
      filters: [{ filter: "header-routing", config: { rules: [{ name: "a", destination: "v1" }] } }],
    },
  },
  filters: [{ filter: "trace-headers", at: ["gateway"], config: { write: ["w3c"] } }],
};

function changes(edit: (mesh: typeof BASE & { services: Record<string, unknown> }) => void): string[] {
  const edited = structuredClone(BASE);
  edit(edited);
  return structuralChanges(SCHEMA.parse(BASE), SCHEMA.parse(edited));
}

describe("structuralChanges", () => {
  it("finds none where only settings of filters differ", () => {
    expect(
      changes((mesh) => {
        mesh.services.front.filters[0] = {
          filter: "header-routing",
          config: { rules: [{ name: "b", destination: "v2" }] },
        };
        mesh.filters[0] = { filter: "trace-headers", at: ["gateway"], config: { write: ["b3"] } };
      }),
    ).toEqual([]);
  });

  it("names the places that need a restart", () => {
    expect(
      changes((mesh) => {
        mesh.services.front.versions.v2.command = ["deno"];
        mesh.services.other = { versions: { v1: { command: "x" } } };
        mesh.filters[0] = { filter: "trace-headers", at: ["gateway", "inbound"], config: { write: ["w3c"] } };
      }),
    ).toEqual(["services.front.versions.v2.command[0]", "services.other", "filters[0].at"]);
  });

  it("names the destination header, which Envoy's routes use too", () => {
    expect(
      changes((mesh) => {
        Object.assign(mesh.services.front.filters[0]?.config ?? {}, { destinationHeader: "x-to" });
      }),
    ).toEqual(["services.front.filters[0].config.destinationHeader"]);
  });

  it("names what Envoy's listener and routes have of one of its own filters", () => {
    const mesh = (...cors: object[]) =>
      SCHEMA.parse({
        ...BASE,
        filters: cors.map((more) => ({
          filter: "native",
          at: ["gateway"],
          config: { name: "cors", typed_config: { "@type": "type.googleapis.com/a.Cors" }, ...more },
        })),
      });
    const per_route_config = { "@type": "type.googleapis.com/a.Policy" };
    expect(structuralChanges(mesh({}), mesh({}))).toEqual([]);
    expect(structuralChanges(mesh({}), mesh({ per_route_config }))).toEqual([
      "filters[0].config.per_route_config",
    ]);
    expect(structuralChanges(mesh({}), mesh({ name: "lua" }))).toEqual(["filters[0].config.name"]);
    const typed = (type: string, more = {}) => ({
      typed_config: { "@type": `type.googleapis.com/${type}`, ...more },
    });
    expect(structuralChanges(mesh({}), mesh(typed("a.Cors", { legacy: true })))).toEqual([]);
    expect(structuralChanges(mesh({}), mesh(typed("a.Lua")))).toEqual([
      'filters[0].config.typed_config["@type"]',
    ]);
    // Two of one name have their settings in the listener.
    expect(structuralChanges(mesh({}, {}), mesh({}, typed("a.Cors", { legacy: true })))).toEqual([
      "filters[1].config.typed_config.legacy",
    ]);
  });

  it("names a filter's move to the other chain, and none of its other settings", () => {
    const use = (config: object) => ({ ...BASE.filters[0], filter: "fault-injection", config });
    const mesh = (config: object) => SCHEMA.parse({ ...BASE, filters: [use(config)] });
    const before = mesh({ rules: [] });
    expect(structuralChanges(before, mesh({ rules: [], where: "upstream" }))).toEqual([
      "filters[0].config.where",
    ]);
    expect(structuralChanges(before, mesh({ rules: [], where: "downstream", maxActive: 3 }))).toEqual([]);
  });

  it("names a filter that was replaced by another", () => {
    expect(
      changes((mesh) => {
        Object.assign(mesh.filters[0] ?? {}, { filter: "retry-budget", config: {} });
      }),
    ).toEqual(["filters[0].filter"]);
  });

  it("names the keys from which routes and clusters are made", () => {
    expect(
      changes((mesh) => {
        Object.assign(mesh.services.front, { timeout: "2s", retries: { on: ["5xx"] } });
        Object.assign(mesh, { grpcServices: { limits: { url: "http://127.0.0.1:1" } } });
      }),
    ).toEqual(["services.front.timeout", "services.front.retries", "grpcServices"]);
  });
});
