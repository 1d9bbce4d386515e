// The labels of our metrics as Prometheus' labels. Istio's bootstrap has no rules for them, and
// only an override of the bootstrap can add some.

import { statsTags } from "../../envoy/config/stats-tags.js";
import { metricLabels } from "../../filters/catalog.js";
import { filterUses, type RenderInput } from "../input.js";
import type { Draft, IstioContext } from "./context.js";

/** The file that Istio's injection templates mount. */
const FILE = "custom_bootstrap.json";
const ANNOTATION = "sidecar.istio.io/bootstrapOverride";

/** A ConfigMap in each namespace whose proxies have filters. */
export function tagDrafts(
  input: RenderInput,
  { labels }: Pick<IstioContext, "labels">,
  namespaces: readonly string[],
): readonly Draft[] {
  const tags = statsTags(metricLabels(filterUses(input).map(({ descriptor }) => descriptor)));
  const text = JSON.stringify({ stats_config: { stats_tags: tags } }, null, 2);
  return namespaces.map((namespace) => ({
    kind: "ConfigMap",
    parts: ["meshwright", "stats", "tags"],
    make: (name) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace, labels },
      body: { data: { [FILE]: `${text}\n` } },
      comment: [
        "Rules that turn the labels of the filters' metrics into labels of Prometheus. A proxy reads them when it starts, where its pod has this annotation:",
        `  ${ANNOTATION}: ${name}`,
      ],
    }),
  }));
}
