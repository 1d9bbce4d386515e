// Content with its digest, as the OCI image specification describes it.

import { createHash } from "node:crypto";

export const MEDIA_TYPES = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  empty: "application/vnd.oci.empty.v1+json",
  /** The two layers of the artifact form. Source: the Wasm Artifact Image Specification. */
  wasm: "application/vnd.module.wasm.content.layer.v1+wasm",
  wasmConfig: "application/vnd.module.wasm.config.v1+json",
  sbom: "application/vnd.cyclonedx+json",
  provenance: "application/vnd.in-toto+json",
  schema: "application/schema+json",
} as const;

/** `sha256:` and 64 hexadecimal digits. */
export type Digest = `sha256:${string}`;

export type Annotations = Readonly<Record<string, string>>;

/** Names content by its digest. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Annotations;
}

/** Content, and what names it. */
export interface Blob {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** A manifest that names a config and layers. */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** The manifest that this one says something about. */
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

/** A manifest, and everything that it names. */
export interface Image {
  readonly manifest: Blob;
  /** Config first, then the layers in order. Each content once. */
  readonly blobs: readonly Blob[];
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Whether a text is a digest that this package can check. */
export function isDigest(text: string): text is Digest {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

export function blobOf(mediaType: string, bytes: Uint8Array, more: Partial<Descriptor> = {}): Blob {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length, ...more }, bytes };
}

/** JSON without spaces. The order of keys is that in which the caller wrote them. */
export function jsonBlob(mediaType: string, value: unknown, more: Partial<Descriptor> = {}): Blob {
  return blobOf(mediaType, Buffer.from(JSON.stringify(value)), more);
}

/** The same annotations in the order of their keys, whoever wrote them. */
export function sorted(annotations: Annotations): Annotations {
  const entries = Object.entries(annotations);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
