// Reads a layout, from a folder or a tar archive, and checks every digest in it.

import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { unpackTar } from "modern-tar";
import { z } from "zod";
import { MeshwrightError } from "../../envoy/errors.js";
import { type Blob, type Descriptor, digestOf, type Image, isDigest } from "../image/descriptor.js";
import { blobName, type Packed, REFERRERS } from "./layout.js";

/** Most bytes of a file that is read: an image of the largest module that Istio takes. */
const MAX_BYTES = 512 * 1024 * 1024;

const descriptor = z.looseObject({
  mediaType: z.string(),
  digest: z.string().refine(isDigest),
  size: z.number().int().nonnegative(),
  annotations: z.record(z.string(), z.string()).optional(),
});
const indexSchema = z.looseObject({ manifests: z.array(descriptor) });
const manifestSchema = z.looseObject({ config: descriptor, layers: z.array(descriptor).min(1) });

/** Reads a file of the layout; `undefined` where there is none. */
type Read = (name: string) => Promise<Uint8Array | undefined>;

/**
 * The one image of a layout, and its referrers where meshwright wrote it.
 * @param place a folder, or a tar archive
 * @throws MeshwrightError `configuration` where it is no layout, has another number of images, or
 * has content that does not match its digest
 */
export async function readLayout(place: string): Promise<Packed> {
  const read = await readerOf(place);
  const indexBytes = await read("index.json");
  if (indexBytes === undefined) throw refused(place, "it has no index.json, so it is no image layout");
  const { manifests } = parsed(place, "index.json", indexBytes, indexSchema);
  const [entry, ...others] = manifests;
  if (entry === undefined || others.length > 0) {
    throw refused(place, `it has ${manifests.length} images, and only a layout of one can be pushed`);
  }
  const image = await imageAt(place, read, entry as Descriptor);
  const list = entry.annotations?.[REFERRERS];
  if (list === undefined) return { image, referrers: [] };
  return { image, referrers: await referrersAt(place, read, list) };
}

async function referrersAt(place: string, read: Read, list: string): Promise<readonly Image[]> {
  const bytes = isDigest(list) ? await read(blobName(list)) : undefined;
  if (bytes === undefined || digestOf(bytes) !== list)
    throw refused(place, `its list of referrers is damaged`);
  const { manifests } = parsed(place, blobName(list), bytes, indexSchema);
  return Promise.all(manifests.map((each) => imageAt(place, read, each as Descriptor)));
}

async function imageAt(place: string, read: Read, descriptor: Descriptor): Promise<Image> {
  const manifest = await blobAt(place, read, descriptor);
  const name = blobName(descriptor.digest);
  const { config, layers } = parsed(place, name, manifest.bytes, manifestSchema);
  const blobs: Blob[] = [];
  for (const each of [config, ...layers]) blobs.push(await blobAt(place, read, each as Descriptor));
  const unlike = new Map(blobs.map((blob) => [blob.descriptor.digest, blob]));
  return { manifest, blobs: [...unlike.values()] };
}

async function blobAt(place: string, read: Read, descriptor: Descriptor): Promise<Blob> {
  const name = blobName(descriptor.digest);
  const bytes = await read(name);
  if (bytes === undefined) throw refused(place, `${name} is missing`);
  if (bytes.length !== descriptor.size || digestOf(bytes) !== descriptor.digest) {
    throw refused(place, `${name} does not have the content that its name says`);
  }
  return { descriptor, bytes };
}

async function readerOf(place: string): Promise<Read> {
  const facts = await stat(place).catch(() => undefined);
  if (facts === undefined)
    throw refused(place, "there is no such file or folder; `meshwright pack` makes one");
  if (facts.isDirectory()) return (name) => readWhole(place, path.join(place, name));
  if (!facts.isFile()) throw refused(place, "it is not a file or folder");
  const entries = await unpackTar(await readWhole(place, place).then((bytes) => bytes ?? new Uint8Array()), {
    strict: true,
  }).catch((error: unknown) => {
    throw refused(place, `it is no tar archive (${error instanceof Error ? error.message : error})`);
  });
  const files = new Map(entries.map(({ header, data }) => [header.name.replace(/^\.\//, ""), data]));
  return async (name) => files.get(name);
}

async function readWhole(place: string, file: string): Promise<Uint8Array | undefined> {
  const facts = await stat(file).catch(() => undefined);
  if (facts === undefined || !facts.isFile()) return undefined;
  if (facts.size > MAX_BYTES) throw refused(place, `${file} is too large: ${facts.size} bytes`);
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw refused(place, `${file} cannot be read (${error.code})`);
  });
}

function parsed<S extends z.ZodType>(place: string, name: string, bytes: Uint8Array, schema: S): z.output<S> {
  try {
    const found = schema.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    if (found.success) return found.data;
  } catch {
    // It is no JSON.
  }
  throw refused(place, `${name} is not what the OCI image specification asks for`);
}

function refused(place: string, why: string): MeshwrightError {
  return new MeshwrightError("configuration", `no image in ${place}: ${why}`);
}
