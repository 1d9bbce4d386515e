// Pushes an image from a layout to a registry, with its referrers.

import { MeshwrightError } from "../envoy/errors.js";
import type { Digest, Image } from "./image/descriptor.js";
import { MEDIA_TYPES } from "./image/descriptor.js";
import { listed } from "./image/referrer.js";
import type { Packed } from "./layout/layout.js";
import { type ClientOptions, RegistryClient } from "./registry/client.js";
import { isPrivateAddress } from "./registry/loopback.js";
import { checkManifest, putManifest, tagReferrers } from "./registry/manifests.js";
import type { Reference } from "./registry/reference.js";
import { uploadBlob } from "./registry/upload.js";

export interface PushOptions extends ClientOptions {
  /** Whether to push referrers too. Default: true. */
  readonly referrers?: boolean;
  /** Bytes of a chunk of a large blob. Default: 4 MiB. */
  readonly chunkBytes?: number;
}

export interface Pushed {
  /** `REGISTRY/REPOSITORY@sha256:…`, the name that never means another image. */
  readonly name: string;
  readonly digest: Digest;
  /** Whether the registry is spoken to without TLS. */
  readonly isPlain: boolean;
  /** What a user of this registry should know. */
  readonly notes: readonly string[];
}

/**
 * Pushes the image, then its referrers, and the tag last: whoever finds the tag finds them all.
 * @throws MeshwrightError `registry-failed`; `configuration` where the login cannot be read, or
 * the reference has the digest of another image
 */
export async function pushImage(
  packed: Packed,
  reference: Reference,
  options: PushOptions = {},
): Promise<Pushed> {
  const { image } = packed;
  const { digest } = image.manifest.descriptor;
  if (reference.digest !== undefined && reference.digest !== digest) {
    throw new MeshwrightError(
      "configuration",
      `the image is ${digest}, and the reference names ${reference.digest}`,
    );
  }
  await using client = await RegistryClient.connect(reference, options);
  await putImage(client, image, "image", digest, options);
  const referrers = options.referrers === false ? [] : packed.referrers;
  const unlisted: Image[] = [];
  for (const referrer of referrers) {
    const what = KINDS[listed(referrer).artifactType ?? ""] ?? "referrer";
    const isListed = await putImage(client, referrer, what, referrer.manifest.descriptor.digest, options);
    if (!isListed) unlisted.push(referrer);
  }
  if (unlisted.length > 0) await tagReferrers(client, image.manifest.descriptor, unlisted.map(listed));
  if (reference.tag !== undefined) await putManifest(client, image.manifest, reference.tag);
  await checkManifest(client, image.manifest, reference.tag ?? digest);
  return {
    name: `${reference.registry}/${reference.repository}@${digest}`,
    digest,
    isPlain: client.isPlain,
    notes: notesOf(client, reference),
  };
}

const KINDS: Readonly<Record<string, string>> = {
  [MEDIA_TYPES.sbom]: "SBOM",
  [MEDIA_TYPES.provenance]: "provenance",
  [MEDIA_TYPES.schema]: "JSON Schema",
};

async function putImage(
  client: RegistryClient,
  { manifest, blobs }: Image,
  what: string,
  name: string,
  options: PushOptions,
): Promise<boolean> {
  for (const blob of blobs) {
    const { digest, size } = blob.descriptor;
    const wasThere = await uploadBlob(client, blob, { ...options, what: `${what}: blob` });
    const outcome = wasThere ? "is there already" : "pushed";
    options.onProgress?.(`${what}: ${digest.slice(0, 19)}, ${size.toLocaleString("en")} bytes, ${outcome}`);
  }
  return putManifest(client, manifest, name);
}

/** Measured with Istio 1.31: its agent checks each realm before it looks at the scheme. */
function notesOf(
  { authorization: { scheme, realm = "" } }: RegistryClient,
  { registry }: Reference,
): readonly string[] {
  if (scheme === undefined) return [];
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  const isTaken = url !== undefined && /^https?:$/.test(url.protocol) && !isPrivateAddress(url.hostname);
  if (isTaken) return [];
  const why =
    scheme === "basic" ? "asks for basic authentication" : "has its token service on a private address";
  return [
    `${registry} ${why}. Istio 1.31 cannot log in there by a WasmPlugin's imagePullSecret`,
    '("rejected unsafe bearer realm"): let proxies pull without a login, or use a registry with tokens.',
  ];
}
