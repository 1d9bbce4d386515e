// The bytes of an image: what clients look for in it, and that they never change by themselves.

import { gunzipSync } from "node:zlib";
import { unpackTar } from "modern-tar";
import { describe, expect, test } from "vitest";
import { sampleBytes } from "../../test/support/packed-sample.js";
import { digestOf, type Image, type Manifest } from "./descriptor.js";
import { imageOf } from "./image.js";
import { referrerOf } from "./referrer.js";

const module = sampleBytes();
const annotations = { b: "2", a: "1" };

const read = <T>(bytes: Uint8Array | undefined) => JSON.parse(Buffer.from(bytes ?? []).toString()) as T;
const manifestOf = ({ manifest }: Image) => read<Manifest>(manifest.bytes);

test("an image has one compressed layer with plugin.wasm, and a config that names the tar in it", async () => {
  const image = await imageOf(module, "image", annotations);
  const [config, layer, ...more] = image.blobs;
  expect(more).toEqual([]);
  const manifest = manifestOf(image);
  expect(manifest).toEqual({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: config?.descriptor,
    layers: [layer?.descriptor],
    annotations: { a: "1", b: "2" },
  });
  expect(Object.keys(manifest.annotations ?? {})).toEqual(["a", "b"]);
  expect(config?.descriptor.mediaType).toBe("application/vnd.oci.image.config.v1+json");
  expect(layer?.descriptor.mediaType).toBe("application/vnd.oci.image.layer.v1.tar+gzip");
  const tar = gunzipSync(layer?.bytes ?? new Uint8Array());
  const [file, ...others] = await unpackTar(tar, { strict: true });
  expect(others).toEqual([]);
  expect(file?.header).toMatchObject({
    name: "plugin.wasm",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: module.length,
  });
  expect(file?.header.mtime?.getTime()).toBe(0);
  expect(digestOf(file?.data ?? new Uint8Array())).toBe(digestOf(module));
  expect(read<object>(config?.bytes)).toMatchObject({
    os: "linux",
    rootfs: { type: "layers", diff_ids: [digestOf(tar)] },
  });
});

test("every descriptor names its own content", async () => {
  for (const format of ["image", "artifact"] as const) {
    const image = await imageOf(module, format, annotations);
    for (const { descriptor, bytes } of [image.manifest, ...image.blobs]) {
      expect(descriptor).toMatchObject({ digest: digestOf(bytes), size: bytes.length });
    }
  }
});

test("an artifact has exactly two layers, one of them the module as it is", async () => {
  const image = await imageOf(module, "artifact", annotations);
  const [wasm, config] = manifestOf(image).layers;
  expect(manifestOf(image).layers).toHaveLength(2);
  expect(wasm).toEqual({
    mediaType: "application/vnd.module.wasm.content.layer.v1+wasm",
    digest: digestOf(module),
    size: module.length,
  });
  expect(config?.mediaType).toBe("application/vnd.module.wasm.config.v1+json");
});

describe("the bytes are the same with every Node, zlib and machine", () => {
  // A digest that changes here changes for everybody who pins an image: it must have a reason.
  test.each([
    ["image", "sha256:64245343ab974ac8924b018a1d312ce6a12de2163d4448b70b554e36d12762e9"],
    ["artifact", "sha256:ddbfbb3ee51f2a87c176c2e59afb4d3fb0d80d081e38a0e2bb82a4bf559b7134"],
  ] as const)("%s", async (format, digest) => {
    expect((await imageOf(module, format, annotations)).manifest.descriptor.digest).toBe(digest);
  });

  test("the gzip header has no time, no name and one system", async () => {
    const [, layer] = (await imageOf(module, "image", {})).blobs;
    expect([...(layer?.bytes.subarray(0, 10) ?? [])]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3]);
  });
});

test("a referrer names the image as its subject, without the image's annotations", async () => {
  const { manifest } = await imageOf(module, "image", annotations);
  const subject = { ...manifest.descriptor, annotations: { more: "1" } };
  const referrer = referrerOf({ subject, type: "text/x", bytes: Buffer.from("said"), annotations: {} });
  expect(manifestOf(referrer)).toMatchObject({
    artifactType: "text/x",
    config: { mediaType: "application/vnd.oci.empty.v1+json", size: 2 },
    layers: [{ mediaType: "text/x", size: 4 }],
  });
  expect(manifestOf(referrer).subject).toEqual(manifest.descriptor);
});
