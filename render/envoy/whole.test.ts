// Which settings the Envoys of a rendered mesh share.

import { expect, test } from "vitest";
import { meshSchema } from "../../compose/mesh/schema.js";
import { FILTERS } from "../../filters/catalog.js";
import type { MeshInput } from "../input.js";
import { filterForm } from "./filters.js";
import { meshFiles } from "./whole.js";

const budget = { filter: "retry-budget", config: {} };

/** @param url where the app of `orders` is */
function rendered(url: string, files: string | undefined) {
  const mesh = meshSchema(FILTERS).parse({
    name: "shop",
    gateway: { routes: [{ prefix: "/", service: "front" }] },
    services: {
      front: { versions: { v1: { url: "http://127.0.0.1:9000" } }, calls: ["orders"] },
      orders: { versions: { v1: { url } }, filters: [budget] },
    },
    filters: [{ ...budget, at: ["inbound"] }],
  });
  const input: MeshInput = { kind: "mesh", file: "mesh.yaml", mesh, placeOf: () => "mesh.yaml:1:1" };
  const form = filterForm(() => "/retry-budget.wasm", { modules: undefined, files });
  const written = meshFiles(input, { firstPort: 20_000, caFile: "/ca.pem" }, form);
  /** The clusters that the settings in a file name. */
  return (name: string) => {
    const text = written.find((each) => each.name === name)?.text ?? "";
    return [...text.matchAll(/per\W+cluster\W+([\w/-]+)/g)].map((match) => match[1]);
  };
}

test("settings in a file name the cluster that they have in every Envoy", () => {
  const plain = rendered("http://127.0.0.1:9001", "/etc/envoy/filters");
  expect(plain("filters/inbound_1_retry-budget.yaml")).toEqual(["app"]);
  expect(plain("filters/outbound-orders_1_retry-budget.yaml")).toEqual(["orders_v1"]);
});

test("they name none where one Envoy has two clusters for upgrades", () => {
  const secured = rendered("https://orders.test", "/etc/envoy/filters");
  expect(secured("filters/inbound_1_retry-budget.yaml")).toEqual([]);
  expect(secured("filters/outbound-orders_1_retry-budget.yaml")).toEqual(["orders_v1"]);
});

test("settings in place name each cluster", () => {
  const secured = rendered("https://orders.test", undefined);
  expect(secured("orders_v1.yaml")).toEqual(["app", "app/upgrades"]);
  expect(secured("front_v1.yaml")).toEqual(["app", "orders_v1"]);
});
