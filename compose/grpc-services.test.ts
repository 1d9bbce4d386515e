import { expect, it } from "vitest";
import { z } from "zod";
import { defineFilter } from "../filters/descriptor.js";
import { catalogUse } from "../test/support/catalog-use.js";
import { grpcServiceProblems } from "./grpc-services.js";

const asks = (cluster: string) =>
  catalogUse("rate-limit", { service: { cluster, domain: "shop" }, rules: [] });
const own = {
  descriptor: defineFilter({ name: "own", summary: "own", schema: z.unknown() }),
  config: { service: { cluster: "limits" } },
};
const remedy = (name: string) => `give ${name}`;

it.each([
  [asks("limits"), ["limits"]],
  [catalogUse("rate-limit", { rules: [] }), []],
  [own, []],
])("%j goes with the services %j", (use, names) => {
  expect(grpcServiceProblems(use, names, remedy)).toEqual([]);
});

it.each([
  [asks("limits"), [], 'there is no gRPC service "limits"; give limits'],
  [asks("limits"), ["limit"], 'there is no gRPC service "limits"; did you mean "limit"?'],
  [asks("constructor"), [], 'there is no gRPC service "constructor"; give constructor'],
])("%j does not go with the services %j", (use, names, reason) => {
  expect(grpcServiceProblems(use, names, remedy)).toEqual([{ path: ["service", "cluster"], reason }]);
});

it("reports each missing service that an author's filter calls", () => {
  const descriptor = defineFilter({
    name: "own",
    summary: "own",
    schema: z.unknown(),
    grpcServices: () => [
      { name: "a", path: ["calls", 0] },
      { name: "b", path: ["calls", 1] },
      { name: "c", path: ["calls", 2] },
    ],
  });
  expect(grpcServiceProblems({ descriptor, config: {} }, ["b"], remedy)).toEqual([
    { path: ["calls", 0], reason: 'there is no gRPC service "a"; did you mean "b"?' },
    { path: ["calls", 2], reason: 'there is no gRPC service "c"; did you mean "b"?' },
  ]);
});
