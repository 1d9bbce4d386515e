// Puts manifests into a registry, and lists of referrers where the registry keeps none itself.
// Source: the OCI distribution specification, "Pushing Manifests with Subject".

import { z } from "zod";
import { type Blob, type Descriptor, digestOf, MEDIA_TYPES } from "../image/descriptor.js";
import { indexOf } from "../image/referrer.js";
import type { RegistryClient } from "./client.js";
import { registryFailure } from "./errors.js";
import { refuseOtherDigest } from "./upload.js";

const indexSchema = z.looseObject({
  mediaType: z.literal(MEDIA_TYPES.index).optional(),
  manifests: z.array(z.looseObject({ mediaType: z.string(), digest: z.string(), size: z.number() })),
});

/**
 * Puts a manifest under a tag or its own digest.
 * @returns whether the registry lists it among the referrers of its subject
 * @throws MeshwrightError `registry-failed`, also where the registry says another digest
 */
export async function putManifest(client: RegistryClient, manifest: Blob, name: string): Promise<boolean> {
  const { mediaType, digest } = manifest.descriptor;
  const about = `the manifest ${name}`;
  const answer = await client.request(client.urlOf(`manifests/${name}`), {
    method: "PUT",
    headers: { "content-type": mediaType },
    body: manifest.bytes,
    expect: [200, 201, 202],
    about,
  });
  refuseOtherDigest(client, answer, digest, about);
  return answer.header("oci-subject") !== undefined;
}

/**
 * Reads a manifest back: this is what a proxy will get.
 * @throws MeshwrightError `registry-failed` where it is not the same
 */
export async function checkManifest(client: RegistryClient, manifest: Blob, name: string): Promise<void> {
  const { mediaType, digest } = manifest.descriptor;
  const about = `the manifest ${name}`;
  const answer = await client.request(client.urlOf(`manifests/${name}`), {
    method: "GET",
    headers: { accept: mediaType },
    expect: [200],
    about,
  });
  refuseOtherDigest(client, answer, digest, about);
  const served = digestOf(answer.body);
  if (served === digest) return;
  throw registryFailure(
    client.reference.registry,
    `it serves ${served} for ${about}, and ${digest} was pushed: do not use it`,
  );
}

/** Adds referrers to the tag under which clients look where the registry has no referrers API. */
export async function tagReferrers(
  client: RegistryClient,
  subject: Descriptor,
  referrers: readonly Descriptor[],
): Promise<void> {
  const tag = subject.digest.replace(":", "-");
  const before = await readIndex(client, tag);
  const ours = new Set<string>(referrers.map(({ digest }) => digest));
  const list = indexOf([...before.filter(({ digest }) => !ours.has(digest)), ...referrers]);
  await putManifest(client, list, tag);
}

/** The list under the tag, which may have the referrers of others: signatures, for example. */
async function readIndex(client: RegistryClient, tag: string): Promise<readonly Descriptor[]> {
  const about = `the list of referrers ${tag}`;
  const answer = await client.request(client.urlOf(`manifests/${tag}`), {
    method: "GET",
    headers: { accept: MEDIA_TYPES.index },
    expect: [200, 404],
    about,
  });
  if (answer.status === 404) return [];
  try {
    const { manifests } = indexSchema.parse(JSON.parse(Buffer.from(answer.body).toString("utf8")));
    return manifests as unknown as readonly Descriptor[];
  } catch {
    throw registryFailure(
      client.reference.registry,
      `what it has under the tag ${tag} is no list of referrers; delete that tag`,
    );
  }
}
