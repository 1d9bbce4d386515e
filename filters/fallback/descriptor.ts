// What the toolkit knows about fallback beside its module.

import { defineFilter, explainPropertyOf } from "../descriptor.js";
import { type FallbackConfig, fallbackSchema } from "./schema.js";

export default defineFilter({
  name: "fallback",
  summary: "keeps good answers, and serves the last one where a new one fails",
  schema: fallbackSchema,
  metricLabels: ["rule", "outcome"],
  explainProperties: (config) => explainPropertyOf(config),
  describe: ({ rules }) => rules.map(describeRule),
});

type Rule = FallbackConfig["rules"][number];

function describeRule({ name, shadow }: Rule): string {
  return `${name} → the last good answer where a new one fails${shadow === true ? " (shadow)" : ""}`;
}
