import { describe, expect, test } from "vitest";
import { metricLabels } from "../../filters/catalog.js";
import { statsTags } from "./stats-tags.js";

/**
 * What Envoy does with the tags: the second group is the value, the first is removed from the name.
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
  test("labels in any order become tags and leave the plain name", () => {
    expect(extract("wasmcustom.header_routing_requests;destination=orders-v2;rule=beta.users")).toEqual({
      rest: "wasmcustom.header_routing_requests",
      tags: { destination: "orders-v2", rule: "beta.users" },
    });
  });

  test("an empty value is a value", () => {
    expect(extract("wasmcustom.x;rule=;outcome=deny").tags).toEqual({ rule: "", outcome: "deny" });
  });

  test("a label that only ends in the same text is another label", () => {
    expect(extract("wasmcustom.x;subrule=a")).toEqual({ rest: "wasmcustom.x;subrule=a", tags: {} });
  });

  test("Envoy's own statistics are left alone", () => {
    expect(extract("cluster.a;rule=b.upstream_rq_total").tags).toEqual({});
  });

  test("each label that is asked for has its tag, and no other label has one", () => {
    expect(statsTags(["rule", "limit"]).map((tag) => tag.tag_name)).toEqual(["rule", "limit"]);
    expect(extract("wasmcustom.x;limit=a", ["limit"]).tags).toEqual({ limit: "a" });
  });
});
