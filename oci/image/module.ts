// The module in an image, as the proxies' fetchers find it.

import { gunzipSync } from "node:zlib";
import { unpackTar } from "modern-tar";
import { type Blob, type Image, MEDIA_TYPES } from "./descriptor.js";

const MODULE_FILE = /(^|\/)plugin\.wasm$/;

/** The bytes of the module; undefined where the image has none. */
export async function moduleIn({ manifest, blobs }: Image): Promise<Uint8Array | undefined> {
  const { layers } = JSON.parse(Buffer.from(manifest.bytes).toString("utf8")) as {
    readonly layers: readonly { readonly mediaType: string; readonly digest: string }[];
  };
  const raw = layers.find(({ mediaType }) => mediaType === MEDIA_TYPES.wasm);
  if (raw !== undefined) return blobOf(blobs, raw.digest);
  const last = layers.at(-1);
  const packed = last === undefined ? undefined : blobOf(blobs, last.digest);
  if (packed === undefined) return undefined;
  const files = await unpackTar(gunzipSync(packed), { strict: true });
  return files.find(({ header }) => MODULE_FILE.test(header.name))?.data;
}

function blobOf(blobs: readonly Blob[], digest: string): Uint8Array | undefined {
  return blobs.find(({ descriptor }) => descriptor.digest === digest)?.bytes;
}
