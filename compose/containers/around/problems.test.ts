import { describe, expect, it } from "vitest";
import { formatProblem } from "../../../envoy/problems.js";
import { FILTERS } from "../../../filters/catalog.js";
import { meshSchema } from "../../mesh/schema.js";
import { aroundNotes, aroundProblems } from "./problems.js";
import type { UserProject, UserService } from "./user-project.js";

const SCHEMA = meshSchema(FILTERS);
const MESH = {
  name: "shop",
  gateway: { routes: [{ prefix: "/", service: "web" }] },
  services: {
    web: { port: 8080, calls: ["api"], versions: { v1: { compose: "web" } } },
    api: { port: 8080, versions: { v1: { compose: "api" }, v2: { compose: "api-next" } } },
  },
};
const on = (...networks: readonly string[]): UserService => ({
  networks: Object.fromEntries(networks.map((network) => [network, null])),
});
const SERVICES = { web: on("front", "back"), api: on("back"), "api-next": on("back"), other: on("front") };

function problems(services: UserProject["services"], mesh: object = MESH): readonly string[] {
  const project = { name: "shop", services: { ...SERVICES, ...services } };
  return aroundProblems(SCHEMA.parse(mesh), project).map(formatProblem);
}

describe("a mesh around a project", () => {
  it("has no problem where all fits", () => {
    expect(problems({})).toEqual([]);
  });

  it.each([
    ["host", "it has the network of the machine, where a sidecar would meet the connections of everybody"],
    ["none", "it has no network"],
    ["service:other", "it has no network of its own"],
    ["container:abc", "it has no network of its own"],
    ["bridge", "it has no network of its own"],
  ])("refuses network_mode %s, with the reason", (network_mode, reason) => {
    expect(problems({ api: { network_mode } })).toContain(
      `services.api.versions.v1.compose: api has network_mode ${network_mode}: ${reason}; leave network_mode out, or leave the service out of the mesh`,
    );
  });

  it("refuses a service that compose does not have, and says which was meant", () => {
    const mesh = (compose: string) => ({
      ...MESH,
      services: { ...MESH.services, web: { port: 8080, versions: { v1: { compose } } } },
    });
    expect(problems({}, mesh("wbe"))).toEqual([
      'services.web.versions.v1.compose: compose has no service "wbe"; did you mean "web"?',
    ]);
    for (const hostile of ["constructor", "__proto__", "toString"]) {
      expect(problems({}, mesh(hostile))).toEqual([
        `services.web.versions.v1.compose: compose has no service "${hostile}"; there is web, api, api-next, other`,
      ]);
    }
  });

  it("refuses a call between services that share no network", () => {
    expect(problems({ "api-next": on("private") })).toEqual([
      "services.web.calls[0]: web and api-next have no network of compose in common; give them one, or leave the call out",
    ]);
  });

  it.each([15_000, 15_006, 15_021, 20_000])("refuses an app at the sidecar's port %d", (port) => {
    const mesh = { ...MESH, services: { ...MESH.services, web: { ...MESH.services.web, port } } };
    expect(problems({}, mesh)).toEqual([
      `services.web.port: ${port} is a port of the sidecar beside the app; the app must listen on another`,
    ]);
  });

  it.each(["web_v1", "web_v1-sidecar", "meshwright-gateway", "meshwright-modules"])(
    "refuses the name %s, which is a part's",
    (name) => {
      expect(problems({ [name]: on("front") })).toEqual([
        expect.stringContaining(`compose has a service "${name}", which is the name of a part of the mesh`),
      ]);
    },
  );

  it("refuses a called service with the name of another one of compose", () => {
    const services = {
      web: { ...MESH.services.web, calls: ["other"] },
      other: { port: 8080, versions: { v1: { compose: "api" } } },
    };
    expect(problems({}, { ...MESH, services })).toEqual([
      expect.stringMatching(/^services\.other: is called by the name of another service of compose/),
    ]);
  });

  it.each([{ scale: 3 }, { deploy: { replicas: 3 } }])("tells that a service runs once: %o", (how) => {
    const project = { name: "shop", services: { ...SERVICES, api: { ...on("back"), ...how } } };
    expect(aroundNotes(SCHEMA.parse(MESH), project)).toEqual(["api runs once in the mesh, and not 3 times"]);
  });
});
