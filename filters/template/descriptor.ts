// What meshwright's commands know about the filter beside its module. meshwright's
// filters/README.md lists the other fields, such as the chain that the filter stands in.

import { defineFilter } from "../descriptor.js";
import { DEFAULT_HEADER } from "./limits.js";
import { type FilterConfig, filterSchema } from "./schema.js";

export default defineFilter({
  name: "template",
  summary: "lets a request pass when a header has one of the configured values",
  schema: filterSchema,
  metricLabels: ["outcome"],
  describe: describeValues,
});

/** What `meshwright up` prints about the filter's settings. */
function describeValues({
  header = DEFAULT_HEADER,
  values,
  shadow = false,
}: FilterConfig): readonly string[] {
  return [`${values.length} values of ${header} pass${shadow ? " (shadow)" : ""}`];
}
