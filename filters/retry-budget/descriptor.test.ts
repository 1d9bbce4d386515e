// How a budget's settings look in the chain of a cluster whose name is known.

import { describe, expect, test } from "vitest";
import descriptor from "./descriptor.js";
import { type RetryBudgetConfig, retryBudgetSchema } from "./schema.js";

const inShop = (config: RetryBudgetConfig, cluster = "shop") => descriptor.inCluster?.(config, cluster);
const named = { per: { cluster: "shop" } };

describe("in the chain of a cluster", () => {
  test("a budget that is each cluster's own gets the name, and keeps all else", () => {
    const budgets = [
      { name: "left-out", concurrency: {} },
      { name: "told", per: { cluster: true as const }, shadow: true },
    ];
    expect(inShop({ maxCallers: 2, budgets })).toEqual({
      maxCallers: 2,
      budgets: [
        { name: "left-out", concurrency: {}, ...named },
        { name: "told", shadow: true, ...named },
      ],
    });
  });

  test("the budget of empty settings is written down", () => {
    expect(inShop({})).toEqual({ budgets: [{ name: "default", ...named }] });
  });

  test.each<[string, RetryBudgetConfig]>([
    ["of routes", { budgets: [{ name: "a", per: { route: true } }] }],
    ["of callers", { budgets: [{ name: "a", per: { header: "x-caller" } }] }],
    ["of a cluster that a person named", { budgets: [{ name: "a", per: { cluster: "other" } }] }],
    ["in a listener's chain", { where: "downstream" }],
  ])("budgets %s stay as they are", (_, config) => {
    expect(inShop(config)).toBe(config);
  });

  test.each([
    ["empty", ""],
    ["longer than a budget takes", "ä".repeat(129)],
    ["no Unicode", "\ud800"],
  ])("a name that is %s is left to be read", (_, cluster) => {
    const config = {};
    expect(inShop(config, cluster)).toBe(config);
  });

  test.each(["ä".repeat(128), 'a"b\\c\n', "true", "outbound|80||orders.default.svc.cluster.local"])(
    "the schema accepts what is made for %j",
    (cluster) => {
      expect(retryBudgetSchema.parse(inShop({}, cluster))).toEqual({
        budgets: [{ name: "default", per: { cluster } }],
      });
    },
  );
});
