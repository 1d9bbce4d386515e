// An image in an OCI image layout: `index.json` names the image alone, because clients take a
// layout of one image without being told which. An annotation there leads to its referrers.
// Source: the OCI image specification, "Image Layout".

import { type Blob, type Descriptor, type Image, jsonBlob, MEDIA_TYPES } from "../image/descriptor.js";
import { indexOf, listed } from "../image/referrer.js";
import type { TarFile } from "../image/tar.js";

/** The annotation of the image in `index.json` that has the digest of a list of its referrers. */
export const REFERRERS = "meshwright.referrers";

/** An image, and what is said about it. */
export interface Packed {
  readonly image: Image;
  readonly referrers: readonly Image[];
}

export const LAYOUT_MARK = "oci-layout";

/** The files of a layout, in the order of an archive. @param tag of the image in it, or none */
export function layoutFiles({ image, referrers }: Packed, tag?: string): readonly TarFile[] {
  const list = indexOf(referrers.map(listed));
  const all = [image, ...referrers];
  const blobs = [...all.flatMap(({ manifest, blobs }) => [manifest, ...blobs]), list];
  const entry: Descriptor = {
    ...image.manifest.descriptor,
    annotations: {
      ...(tag === undefined ? {} : { "org.opencontainers.image.ref.name": tag }),
      [REFERRERS]: list.descriptor.digest,
    },
  };
  const index = jsonBlob(MEDIA_TYPES.index, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests: [entry],
  });
  return [
    { name: LAYOUT_MARK, bytes: Buffer.from(JSON.stringify({ imageLayoutVersion: "1.0.0" })) },
    { name: "index.json", bytes: index.bytes },
    ...blobFiles(blobs),
  ];
}

/** Two images may have the same blob, such as the empty config of referrers. */
function blobFiles(blobs: readonly Blob[]): readonly TarFile[] {
  const byName = new Map(blobs.map(({ descriptor, bytes }) => [blobName(descriptor.digest), bytes]));
  return [...byName].map(([name, bytes]) => ({ name, bytes })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

export function blobName(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}
