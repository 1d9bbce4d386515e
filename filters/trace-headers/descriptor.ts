// What the toolkit knows about trace-headers beside its module.

import { defineFilter } from "../descriptor.js";
import { traceHeadersSchema } from "./schema.js";

export default defineFilter({
  name: "trace-headers",
  summary: "reads, checks, starts and writes W3C and B3 trace headers",
  schema: traceHeadersSchema,
  metricLabels: ["outcome", "source"],
  explainProperties: ({ explainProperty }) => (explainProperty === undefined ? [] : [explainProperty]),
});
