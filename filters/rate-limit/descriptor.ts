// What the toolkit knows about rate-limit beside its module.

import { defineFilter, explainPropertyOf } from "../descriptor.js";
import { type RateLimitConfig, rateLimitSchema } from "./schema.js";

type Rule = RateLimitConfig["rules"][number];

export default defineFilter({
  name: "rate-limit",
  summary: "limits requests by any key, exactly over all workers, or by a rate limit service",
  schema: rateLimitSchema,
  metricLabels: ["rule", "outcome"],
  explainProperties: (config) => explainPropertyOf(config),
  grpcServices: ({ service }) =>
    service === undefined ? [] : [{ name: service.cluster, path: ["service", "cluster"] }],
  describe: ({ rules }) => rules.map(describeRule),
});

function describeRule({ name, local, global, concurrency, shadow }: Rule): string {
  const limits = [
    ...(local === undefined ? [] : [describeLocal(local)]),
    ...(concurrency === undefined ? [] : [`${concurrency.limit} in flight`]),
    ...(global === undefined ? [] : ["as the service says"]),
  ];
  return `${name} → ${limits.join(", ")}${shadow === true ? " (shadow)" : ""}`;
}

function describeLocal({ limit, unit, burst = limit }: NonNullable<Rule["local"]>): string {
  return burst === limit ? `${limit} a ${unit}` : `${limit} a ${unit}, up to ${burst} at once`;
}
