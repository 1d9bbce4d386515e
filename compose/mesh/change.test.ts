import { describe, expect, it } from "vitest";
import { structuralChanges } from "./change.js";
import { meshSchema } from "./schema.js";

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
  return structuralChanges(meshSchema.parse(BASE), meshSchema.parse(edited));
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

  it("names the destination header, which stands in Envoy's routes too", () => {
    expect(
      changes((mesh) => {
        Object.assign(mesh.services.front.filters[0]?.config ?? {}, { destinationHeader: "x-to" });
      }),
    ).toEqual(["services.front.filters[0].config.destinationHeader"]);
  });
});
