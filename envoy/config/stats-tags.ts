// Labels of the filters' metrics: from the metric's name, where the host ABI has no other place for
// them, to Envoy's tags.

export interface StatsTag {
  readonly tag_name: string;
  readonly regex: string;
}

/**
 * Tags for metrics named `<name>;label=value;label=value`, which Envoy keeps as
 * `wasmcustom.<name>;…`. Envoy takes what the first group matched out of the name, and the second
 * as the tag's value.
 * @param labels names of letters, digits and `_`
 */
export function statsTags(labels: readonly string[]): readonly StatsTag[] {
  return labels.map((label) => ({
    tag_name: label,
    // The literal start lets Envoy pass over every other statistic without trying the expression.
    regex: `^wasmcustom\\..*?(;${label}=([^;]*))`,
  }));
}
