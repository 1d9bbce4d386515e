// The bundles that a release has. filters/README.md says why these filters belong together.

/** Filters of the catalog that stand in one chain, in the order of the chain. */
export interface RecommendedBundle {
  readonly name: string;
  readonly filters: readonly string[];
}

export const BUNDLES: readonly RecommendedBundle[] = [
  { name: "gateway", filters: ["trace-headers", "rate-limit", "header-routing"] },
  { name: "sidecar", filters: ["trace-headers", "header-routing"] },
];
