import { expect, it } from "vitest";
import { meshSchema } from "../../compose/mesh/schema.js";
import { FILTERS } from "../../filters/catalog.js";
import { tellTcp, withoutTcp } from "./plain-tcp.js";
import { Told } from "./told.js";

const MESH = meshSchema(FILTERS).parse({
  name: "shop",
  gateway: { routes: [{ prefix: "/", service: "web" }] },
  services: {
    web: { versions: { v1: { command: "web" } }, calls: ["db", "api"] },
    api: { versions: { v1: { command: "api" } } },
    db: { protocol: "tcp", versions: { v1: { command: "db" } } },
  },
});

it("leaves services of plain TCP to the cluster, and says so", () => {
  const { services } = withoutTcp(MESH);
  expect(Object.keys(services)).toEqual(["web", "api"]);
  expect(services.web?.calls).toEqual(["api"]);
  const told = new Told((path) => path.join("."));
  tellTcp(MESH, told);
  expect(told.lines(false)).toEqual([
    expect.stringMatching(/^services\.db\.protocol: .*nothing is rendered for db, whose protocol is tcp/),
  ]);
});
