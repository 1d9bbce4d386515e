// Makes an image of a module, in one of the two forms that proxies' fetchers read.

import { gzipSync } from "fflate";
import {
  type Annotations,
  type Blob,
  blobOf,
  digestOf,
  type Image,
  jsonBlob,
  MEDIA_TYPES,
  sorted,
} from "./descriptor.js";
import type { Format } from "./format.js";
import { tarOf } from "./tar.js";

/** The name that Istio and Envoy Gateway look for in the layer. */
const MODULE_NAME = "plugin.wasm";

/** The same bytes give the same image on every machine. @param annotations of the manifest */
export async function imageOf(module: Uint8Array, format: Format, annotations: Annotations): Promise<Image> {
  const { layers, diffIds } = format === "image" ? await imageLayers(module) : artifactLayers(module);
  const config = jsonBlob(MEDIA_TYPES.config, {
    created: "1970-01-01T00:00:00Z",
    // Engines refuse to unpack an image for a platform that is not theirs, and a module has none.
    architecture: "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: diffIds },
    history: diffIds.map(() => ({ created: "1970-01-01T00:00:00Z", created_by: "meshwright pack" })),
  });
  const manifest = jsonBlob(MEDIA_TYPES.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: sorted(annotations),
  });
  return { manifest, blobs: [config, ...layers] };
}

interface Layers {
  readonly layers: readonly Blob[];
  /** The digests of the layers before compression. */
  readonly diffIds: readonly string[];
}

/**
 * Node's zlib makes other bytes on another processor or in another release, therefore the layer is
 * compressed in JavaScript. The header of the gzip file has no time and no name.
 */
async function imageLayers(module: Uint8Array): Promise<Layers> {
  const tar = await tarOf([{ name: MODULE_NAME, bytes: module }]);
  const layer = blobOf(MEDIA_TYPES.layer, gzipSync(tar, { level: 9, mtime: 0 }));
  return { layers: [layer], diffIds: [digestOf(tar)] };
}

/** Istio takes a module in a layer of its own only where there is a second layer. */
function artifactLayers(module: Uint8Array): Layers {
  const layers = [blobOf(MEDIA_TYPES.wasm, module), jsonBlob(MEDIA_TYPES.wasmConfig, {})];
  return { layers, diffIds: layers.map(({ descriptor }) => descriptor.digest) };
}
