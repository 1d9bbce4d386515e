// Turns the labels of the filters' metrics into Envoy's tags. The labels are part of the metric's
// name, because the host ABI has no other place for them.

export interface StatsTag {
  readonly tag_name: string;
  readonly regex: string;
}

/** A cluster whose chain has the filter, where the metric's name begins with it. */
const CLUSTER_TAG = "upstream_cluster";

/**
 * Tags for metrics named `<name>;label=value;label=value`, which Envoy keeps as
 * `wasmcustom.<name>;…`. Envoy 1.36 and 1.37 keep those of a cluster's chain as
 * `cluster.NAME.wasmcustom.<name>;…`: NAME then becomes a tag too, so that the metric's name is
 * the same in every release. Envoy cuts what the first group matched from the name, and takes
 * what the second matched as the tag's value.
 * @param labels names of letters, digits and `_`
 */
export function statsTags(labels: readonly string[]): readonly StatsTag[] {
  // Because the start is literal, Envoy skips every other statistic without trying the expression.
  const ofCluster = "^cluster\\..+?\\.wasmcustom\\.";
  return [
    { tag_name: CLUSTER_TAG, regex: "^(cluster\\.(.+?)\\.)wasmcustom\\." },
    ...labels.flatMap((label) =>
      ["^wasmcustom\\.", ofCluster].map((start) => ({
        tag_name: label,
        regex: `${start}.*?(;${label}=([^;]*))`,
      })),
    ),
  ];
}
