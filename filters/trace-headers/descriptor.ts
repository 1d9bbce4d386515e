// What the toolkit knows about trace-headers beside its module.

import { defineFilter, explainPropertyOf } from "../descriptor.js";
import { traceHeadersSchema } from "./schema.js";

export default defineFilter({
  name: "trace-headers",
  summary: "reads, checks, starts and writes W3C and B3 trace headers",
  schema: traceHeadersSchema,
  metricLabels: ["outcome", "source"],
  explainProperties: (config) => explainPropertyOf(config),
});
