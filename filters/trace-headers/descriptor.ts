// What the toolkit knows about trace-headers beside its module.

import { defineFilter, explainPropertyOf } from "../descriptor.js";
import { traceHeadersSchema } from "./schema.js";

export default defineFilter({
  name: "trace-headers",
  summary: "reads, checks, starts and writes trace headers: W3C, B3, AWS, Google Cloud, Datadog, SkyWalking",
  schema: traceHeadersSchema,
  metricLabels: ["outcome", "source", "reason"],
  explainProperties: (config) => explainPropertyOf(config),
});
