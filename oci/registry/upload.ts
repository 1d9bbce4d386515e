// Uploads a blob: at once where it is small, else in chunks, which go on where a connection broke.

import type { MeshwrightError } from "../../envoy/errors.js";
import type { Blob } from "../image/descriptor.js";
import type { RegistryClient } from "./client.js";
import { registryFailure, Transient } from "./errors.js";
import { type Answer, resolveLocation } from "./transport.js";

/** Some registries take no chunk of more than 4 MiB. */
export const CHUNK_BYTES = 4 * 1024 * 1024;

export interface UploadOptions {
  /** What it is, for lines and messages: "the layer". */
  readonly what: string;
  /** Bytes of a chunk. Default: `CHUNK_BYTES`. */
  readonly chunkBytes?: number;
  readonly onProgress?: (line: string) => void;
}

/** An upload that the registry has forgotten. It begins anew. */
class Forgotten extends Error {
  constructor(readonly failure: MeshwrightError) {
    super(failure.message);
  }
}

/**
 * Puts the blob into the repository, unless it is there.
 * @returns whether it was there
 * @throws MeshwrightError `registry-failed`, also where the registry says another digest
 */
export async function uploadBlob(
  client: RegistryClient,
  blob: Blob,
  options: UploadOptions,
): Promise<boolean> {
  const { chunkBytes = CHUNK_BYTES, what } = options;
  const { digest } = blob.descriptor;
  const about = `${what} ${digest}`;
  if (await isThere(client, blob, about)) return true;
  await client.withRetries(async () => {
    const started = await client.request(client.urlOf("blobs/uploads/"), {
      method: "POST",
      headers: { "content-length": "0" },
      expect: [202],
      about,
    });
    const least = Number(started.header("oci-chunk-min-length")) || 0;
    const chunk = Math.max(chunkBytes, least);
    let place = locationOf(client, started);
    const isSmall = blob.bytes.length <= chunk;
    if (!isSmall) {
      place = await sendChunks(client, { bytes: blob.bytes, chunkBytes: chunk, about }, place, options);
    }
    place.searchParams.set("digest", digest);
    const done = await client.request(place, {
      method: "PUT",
      headers: { "content-type": "application/octet-stream" },
      body: isSmall ? blob.bytes : new Uint8Array(),
      expect: [201],
      about,
      once: true,
    });
    refuseOtherDigest(client, done, digest, about);
  });
  return false;
}

async function isThere(client: RegistryClient, { descriptor }: Blob, about: string): Promise<boolean> {
  const url = client.urlOf(`blobs/${descriptor.digest}`);
  const answer = await client.request(url, { method: "HEAD", expect: [200, 404], about });
  if (answer.status === 404) return false;
  refuseOtherDigest(client, answer, descriptor.digest, about);
  const size = answer.header("content-length");
  if (size !== undefined && Number(size) !== descriptor.size) {
    throw registryFailure(
      client.reference.registry,
      `it says that ${about} has ${size} bytes, and it has ${descriptor.size}: do not use what it has`,
    );
  }
  return true;
}

/** An upload in chunks, as far as it is known here. */
interface Progress {
  place: URL;
  /** Bytes that the registry has. */
  sent: number;
  /** Whether an attempt failed, so that only the registry knows how much arrived. */
  isUnsure: boolean;
}

interface Chunked {
  readonly bytes: Uint8Array;
  readonly chunkBytes: number;
  readonly about: string;
}

/** @returns where the upload is to be ended */
async function sendChunks(
  client: RegistryClient,
  upload: Chunked,
  start: URL,
  { onProgress, what }: UploadOptions,
): Promise<URL> {
  const progress: Progress = { place: start, sent: 0, isUnsure: false };
  const { length } = upload.bytes;
  while (progress.sent < length) {
    await client
      .withRetries(async () => {
        if (progress.isUnsure) await askReceived(client, upload, progress);
        if (progress.sent < length) await sendChunk(client, upload, progress);
      })
      .catch((error: unknown) => {
        // Another attempt of the chunk is of no use, but one of the whole upload is.
        throw error instanceof Forgotten ? new Transient(error.failure) : error;
      });
    onProgress?.(`${what}: ${Math.floor((100 * progress.sent) / length)} %`);
  }
  return progress.place;
}

async function askReceived(client: RegistryClient, upload: Chunked, progress: Progress): Promise<void> {
  const { about } = upload;
  const now = await client.request(progress.place, { method: "GET", expect: [204, 404], about, once: true });
  if (now.status === 404) throw forgotten(client, about);
  progress.sent = receivedOf(client, now, upload);
  progress.place = locationOf(client, now, progress.place);
  progress.isUnsure = false;
}

async function sendChunk(client: RegistryClient, upload: Chunked, progress: Progress): Promise<void> {
  const { bytes, chunkBytes, about } = upload;
  const { sent } = progress;
  const end = Math.min(sent + chunkBytes, bytes.length);
  progress.isUnsure = true;
  const answer = await client.request(progress.place, {
    method: "PATCH",
    headers: { "content-type": "application/octet-stream", "content-range": `${sent}-${end - 1}` },
    body: bytes.subarray(sent, end),
    expect: [202, 404, 416],
    about,
    once: true,
  });
  if (answer.status === 404) throw forgotten(client, about);
  if (answer.status === 416) {
    throw new Transient(registryFailure(client.reference.registry, `it has another part of ${about}`));
  }
  progress.sent = answer.header("range") === undefined ? end : receivedOf(client, answer, upload);
  progress.place = locationOf(client, answer, progress.place);
  progress.isUnsure = false;
}

function forgotten(client: RegistryClient, about: string): Forgotten {
  return new Forgotten(registryFailure(client.reference.registry, `it has forgotten the upload of ${about}`));
}

/** How many bytes the registry has: it names the first and the last one. */
function receivedOf(client: RegistryClient, answer: Answer, { bytes, about }: Chunked): number {
  const [, last] = /^(?:bytes=)?0-(\d+)$/.exec(answer.header("range") ?? "") ?? [];
  const received = last === undefined ? 0 : Number(last) + 1;
  // An upload without a byte is written as 0-0, as one of a single byte is.
  const known = received === 1 ? 0 : received;
  if (known > bytes.length) {
    throw registryFailure(client.reference.registry, `it says that it has more of ${about} than was sent`);
  }
  return known;
}

function locationOf(client: RegistryClient, answer: Answer, before?: URL): URL {
  const location = answer.header("location");
  if (location === undefined) {
    if (before !== undefined) return before;
    throw registryFailure(client.reference.registry, "it does not say where an upload goes");
  }
  return resolveLocation(answer.url, location);
}

/** @throws MeshwrightError `registry-failed` where the registry names another digest */
export function refuseOtherDigest(
  client: RegistryClient,
  answer: Answer,
  digest: string,
  about: string,
): void {
  const said = answer.header("docker-content-digest");
  if (said === undefined || said === digest) return;
  throw registryFailure(
    client.reference.registry,
    `it says ${said.slice(0, 80)} for ${about}: it has something else, do not use it`,
  );
}
