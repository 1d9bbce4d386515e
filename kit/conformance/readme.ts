// What a filter's README says about its configuration: the examples, and the table of options.

import { parse } from "yaml";
import { z } from "zod";
import { broken, type Check, shown } from "./check.js";

/**
 * A block with one of these keys is a configuration of Envoy, Istio or the mesh. The filter's
 * configuration is somewhere within it.
 */
const AROUND = [
  "http_filters",
  "routes",
  "static_resources",
  "resources",
  "apiVersion",
  "services",
  "filters",
];

export const readmeChecks: readonly Check[] = [
  {
    name: "takes every example of its README",
    run(subject) {
      const examples = readmeExamples(subject.readme);
      if (examples.length === 0)
        broken("its README shows no configuration: give an example as a ```yaml block");
      for (const example of examples) {
        const places = subject.refusedPlaces(example);
        if (places.length > 0) broken(`its schema refuses ${shown(example, 500)} at ${places.join(", ")}`);
        const { accepted, logs } = subject.boot().configure(JSON.stringify(example));
        if (!accepted) broken(`its module refuses ${shown(example, 500)}: ${logs.join("\n")}`);
      }
    },
  },
  {
    name: "has no option that its README's table does not list",
    run(subject) {
      const listed = [...subject.readme.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
      const { properties = {} } = z.toJSONSchema(subject.schema, { io: "input" });
      const missing = Object.keys(properties).filter((option) => !listed.includes(option));
      if (missing.length > 0) broken(`no row of a table in its README begins with: ${missing.join(", ")}`);
    },
  },
];

/**
 * The YAML blocks that are configurations of the filter, and the filter's configurations within
 * those of Envoy and Istio.
 */
export function readmeExamples(readme: string): readonly unknown[] {
  const blocks = [...readme.matchAll(/^```yaml\n(.*?)^```/gms)].map(
    ([, block]) => parse(block ?? "") as unknown,
  );
  return blocks.flatMap((block) => {
    const isAround = typeof block === "object" && block !== null && AROUND.some((key) => key in block);
    return isAround ? embedded(block) : [block];
  });
}

/** The JSON in a `StringValue`, and Istio's `pluginConfig`. */
function embedded(value: unknown): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  const { "@type": type, value: text, pluginConfig } = value as Readonly<Record<string, unknown>>;
  if (pluginConfig !== undefined) return [pluginConfig];
  if (typeof type === "string" && type.endsWith("/google.protobuf.StringValue") && typeof text === "string")
    return [JSON.parse(text)];
  return Object.values(value).flatMap(embedded);
}
