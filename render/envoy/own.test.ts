// What an operator is told about the routes of an own `envoy.yaml`.

import { expect, test } from "vitest";
import { catalogUse } from "../../test/support/catalog-use.js";
import { copyLines, unservedLines } from "./own.js";

const use = (rule: object) => ({
  name: "header-routing",
  ...catalogUse("header-routing", { rules: [{ name: "r", destination: "v2", ...rule }] }),
});

test("a mirror needs a policy of the routes, and no cluster for a destination", () => {
  const mirroring = [use({ mirror: "v3" })];
  expect(copyLines(mirroring)).toEqual([
    expect.stringMatching(/copies for v3: .*cluster_header: x-mesh-mirror/),
  ]);
  expect(unservedLines(mirroring, [{ name: "v2", from: undefined, to: "orders-v2" }])).toEqual([]);
  expect(copyLines([use({})])).toEqual([]);
});
