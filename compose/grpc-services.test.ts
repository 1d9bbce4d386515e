import { expect, it } from "vitest";
import { grpcServiceProblem } from "./grpc-services.js";

const asks = (cluster: string) => ({
  filter: "rate-limit",
  config: { service: { cluster, domain: "shop" }, rules: [] },
});
const remedy = (name: string) => `give ${name}`;

it.each([
  [asks("limits"), ["limits"]],
  [{ filter: "rate-limit", config: { rules: [] } }, []],
  [{ filter: "own", config: { service: { cluster: "limits" } } }, []],
])("%j goes with the services %j", (use, names) => {
  expect(grpcServiceProblem(use, names, remedy)).toBeUndefined();
});

it.each([
  [asks("limits"), [], 'there is no gRPC service "limits"; give limits'],
  [asks("limits"), ["limit"], 'there is no gRPC service "limits"; did you mean "limit"?'],
  [asks("constructor"), [], 'there is no gRPC service "constructor"; give constructor'],
])("%j does not go with the services %j", (use, names, reason) => {
  expect(grpcServiceProblem(use, names, remedy)).toEqual({ path: ["service", "cluster"], reason });
});
