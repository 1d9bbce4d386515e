// A referrer says something about an image: it is a manifest of its own, with the image as its
// subject. Source: the OCI distribution specification, "Listing Referrers".

import {
  type Annotations,
  type Blob,
  blobOf,
  type Descriptor,
  type Image,
  jsonBlob,
  type Manifest,
  MEDIA_TYPES,
  sorted,
} from "./descriptor.js";

export interface ReferrerParts {
  /** The image's manifest. */
  readonly subject: Descriptor;
  /** What kind of thing it is; also the media type of its only layer. */
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly annotations: Annotations;
}

export function referrerOf({ subject, type, bytes, annotations }: ReferrerParts): Image {
  const { mediaType, digest, size } = subject;
  const config = jsonBlob(MEDIA_TYPES.empty, {});
  const layer = blobOf(type, bytes);
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    artifactType: type,
    config: config.descriptor,
    layers: [layer.descriptor],
    subject: { mediaType, digest, size },
    annotations: sorted(annotations),
  };
  return { manifest: jsonBlob(MEDIA_TYPES.manifest, manifest), blobs: [config, layer] };
}

/** How lists of referrers name this one: with its type and its annotations. */
export function listed({ manifest }: Image): Descriptor {
  const { artifactType, config, annotations } = JSON.parse(
    Buffer.from(manifest.bytes).toString(),
  ) as Manifest;
  const { mediaType, digest, size } = manifest.descriptor;
  return {
    mediaType,
    digest,
    size,
    artifactType: artifactType ?? config.mediaType,
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** A list of manifests, as the referrers API answers it and as fallback tags hold it. */
export function indexOf(manifests: readonly Descriptor[]): Blob {
  return jsonBlob(MEDIA_TYPES.index, { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests });
}
