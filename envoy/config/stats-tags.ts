// Turns the labels of the filters' metrics into Envoy's tags. The labels are part of the metric's
// name, because the host ABI has no other place for them.

export interface StatsTag {
  readonly tag_name: string;
  readonly regex: string;
}

/**
 * Tags for metrics named `<name>;label=value;label=value`, which Envoy keeps as
 * `wasmcustom.<name>;…`. Envoy cuts what the first group matched from the name, and takes what the
 * second matched as the tag's value.
 * @param labels names of letters, digits and `_`
 */
export function statsTags(labels: readonly string[]): readonly StatsTag[] {
  return labels.map((label) => ({
    tag_name: label,
    // Because the start is literal, Envoy skips every other statistic without trying the
    // expression.
    regex: `^wasmcustom\\..*?(;${label}=([^;]*))`,
  }));
}
