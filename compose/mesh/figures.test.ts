import { expect, it } from "vitest";
import { FILTERS } from "../../filters/catalog.js";
import { sumFigures } from "./figures.js";
import { meshSchema } from "./schema.js";

const SCHEMA = meshSchema(FILTERS);

it("adds up each version's counts from several Envoys", () => {
  const mesh = SCHEMA.parse({
    name: "shop",
    gateway: { routes: [{ prefix: "/", service: "front" }] },
    services: { front: { versions: { v1: { command: "x" }, v2: { command: "x" } } } },
  });
  const one = new Map([
    ["cluster.front_v1.upstream_rq_completed", 5],
    ["cluster.front_v1.upstream_rq_2xx", 4],
    ["cluster.front_v1.upstream_rq_5xx", 1],
    ["cluster.app.upstream_rq_completed", 99],
  ]);
  const other = new Map([["cluster.front_v1.upstream_rq_completed", 2]]);
  expect(sumFigures(mesh, [one, other])).toEqual([
    { service: "front", version: "v1", requests: 7, ok: 4, clientErrors: 0, serverErrors: 1 },
    { service: "front", version: "v2", requests: 0, ok: 0, clientErrors: 0, serverErrors: 0 },
  ]);
});
