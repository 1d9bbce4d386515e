import { describe, expect, test } from "vitest";
import { metricLabels } from "../../filters/catalog.js";
import { statsTags } from "./stats-tags.js";

/**
 * Does what Envoy does with the tags: the second group is the value, the first is cut from the
 * name.
 */
function extract(name: string, labels: readonly string[] = metricLabels()) {
  const tags: Record<string, string> = {};
  let rest = name;
  for (const { tag_name, regex } of statsTags(labels)) {
    const match = new RegExp(regex).exec(name);
    if (match?.[1] === undefined) continue;
    tags[tag_name] = match[2] ?? "";
    rest = rest.replace(match[1], "");
  }
  return { rest, tags };
}

describe("statsTags", () => {
  test("labels in any order become tags, and the bare name is left", () => {
    expect(extract("wasmcustom.header_routing_requests;destination=orders-v2;rule=beta.users")).toEqual({
      rest: "wasmcustom.header_routing_requests",
      tags: { destination: "orders-v2", rule: "beta.users" },
    });
  });

  test("the same in Envoy 1.36 and 1.37, where the metrics of a cluster's chain have its name before them", () => {
    const metric = "wasmcustom.meshwright.retry_budget.decisions_total";
    for (const cluster of ["shop", "my.shop", "outbound|80||shop.svc", "wasmcustom.x"]) {
      expect(extract(`cluster.${cluster}.${metric};rule=a.b;outcome=retried`)).toEqual({
        rest: metric,
        tags: { upstream_cluster: cluster, rule: "a.b", outcome: "retried" },
      });
    }
  });

  test("an empty value is a value", () => {
    expect(extract("wasmcustom.x;rule=;outcome=deny").tags).toEqual({ rule: "", outcome: "deny" });
  });

  test("a label that only ends the same is another label", () => {
    expect(extract("wasmcustom.x;subrule=a")).toEqual({ rest: "wasmcustom.x;subrule=a", tags: {} });
  });

  test("statistics of Envoy's own are left alone", () => {
    expect(extract("cluster.a;rule=b.upstream_rq_total").tags).toEqual({});
    expect(extract("cluster.wasmcustom.upstream_rq_total;rule=b").tags).toEqual({});
    expect(extract("http.wasmcustom.x;rule=b").tags).toEqual({});
  });

  test("each label that is asked for has its tag, and no other", () => {
    const names = statsTags(["rule", "limit"]).map((tag) => tag.tag_name);
    expect(new Set(names)).toEqual(new Set(["upstream_cluster", "rule", "limit"]));
    expect(extract("wasmcustom.x;limit=a", ["limit"]).tags).toEqual({ limit: "a" });
  });
});
