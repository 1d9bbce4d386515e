// The forms of an image.

/**
 * `image`: one layer, a compressed tar with `plugin.wasm`, which Istio, Envoy Gateway and every
 * client of images take. `artifact`: the module as it is, and a second layer beside it, which Istio
 * and Envoy Gateway take.
 */
export const FORMATS = ["image", "artifact"] as const;
export type Format = (typeof FORMATS)[number];
