// Layouts on the disk: what is written is read back, and nothing else is taken or destroyed.

import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SAMPLE_MAKER, sampleModule } from "../../test/support/packed-sample.js";
import { digestOf } from "../image/descriptor.js";
import { packModule } from "../pack.js";
import { layoutFiles, type Packed } from "./layout.js";
import { readLayout } from "./read.js";
import { writeLayout, writeLayoutTar } from "./write.js";

let folder: string;
let packed: Packed;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "oci-layout-"));
  packed = await packModule(sampleModule(), SAMPLE_MAKER);
  await writeLayout(at("whole.oci"), layoutFiles(packed, "1.2.3_4"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const at = (name: string) => path.join(folder, name);
const digests = ({ image, referrers }: Packed) =>
  [image, ...referrers].map(({ manifest, blobs }) =>
    [manifest, ...blobs].map(({ descriptor }) => descriptor.digest),
  );

test("a folder and an archive are read as they were written", async () => {
  await writeLayoutTar(at("whole.oci.tar"), layoutFiles(packed));
  expect(packed.referrers).toHaveLength(3);
  for (const place of [at("whole.oci"), at("whole.oci.tar")]) {
    expect(digests(await readLayout(place))).toEqual(digests(packed));
  }
});

test("index.json names the image alone, so that every client takes the layout as it is", async () => {
  const { manifests } = JSON.parse(await readFile(at("whole.oci/index.json"), "utf8"));
  expect(manifests).toHaveLength(1);
  expect(manifests[0]).toMatchObject({
    digest: packed.image.manifest.descriptor.digest,
    annotations: { "org.opencontainers.image.ref.name": "1.2.3_4" },
  });
  expect(await readFile(at("whole.oci/oci-layout"), "utf8")).toBe('{"imageLayoutVersion":"1.0.0"}');
});

test("archives are the same bytes", async () => {
  await writeLayoutTar(at("a.tar"), layoutFiles(packed));
  await writeLayoutTar(at("b.tar"), layoutFiles(await packModule(sampleModule(), SAMPLE_MAKER)));
  expect(digestOf(await readFile(at("a.tar")))).toBe(digestOf(await readFile(at("b.tar"))));
});

test("an older layout is replaced, and nothing of it stays", async () => {
  await writeLayout(at("old.oci"), [
    { name: "oci-layout", bytes: Buffer.from("{}") },
    { name: "blobs/sha256/x", bytes: Buffer.from("x") },
  ]);
  await writeLayout(at("old.oci"), layoutFiles(packed));
  expect(digests(await readLayout(at("old.oci")))).toEqual(digests(packed));
  expect(await readdir(at("old.oci/blobs/sha256"))).not.toContain("x");
  expect((await readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);
});

describe("what cannot be written is told, and leaves nothing behind", () => {
  test("a folder of something else is not touched", async () => {
    await mkdir(at("mine.oci"));
    await writeFile(at("mine.oci/thesis.txt"), "years");
    await expect(writeLayout(at("mine.oci"), layoutFiles(packed))).rejects.toMatchObject({
      code: "write-failed",
      message: `cannot write ${at("mine.oci")}: it exists and is no image layout; remove it, or choose another folder with --out-dir`,
    });
    expect(await readFile(at("mine.oci/thesis.txt"), "utf8")).toBe("years");
  });

  test("a write that fails in the middle leaves the old layout", async () => {
    await cp(at("whole.oci"), at("kept.oci"), { recursive: true });
    const broken = [...layoutFiles(packed), { name: "oci-layout/impossible", bytes: Buffer.from("x") }];
    await expect(writeLayout(at("kept.oci"), broken)).rejects.toMatchObject({
      code: "write-failed",
      message: expect.stringMatching(
        /^cannot write .*kept\.oci \((ENOTDIR|EEXIST)\): make room, or name a folder/,
      ),
    });
    expect(digests(await readLayout(at("kept.oci")))).toEqual(digests(packed));
    expect((await readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("a folder that cannot be made is named", async () => {
    await writeFile(at("file"), "");
    await expect(writeLayoutTar(at("file/x.tar"), layoutFiles(packed))).rejects.toMatchObject({
      code: "write-failed",
    });
  });
});

describe("what is no whole layout of one image is refused", () => {
  const broken = async (name: string, change: (place: string) => Promise<unknown>) => {
    await cp(at("whole.oci"), at(name), { recursive: true });
    await change(at(name));
    return readLayout(at(name)).then(
      () => "taken",
      (error) => `${error.code}: ${error.message.replace(at(name), "PLACE")}`,
    );
  };
  const layer = () => path.join("blobs", packed.image.blobs[1]?.descriptor.digest.replace(":", "/") ?? "");

  test("nothing there", async () => {
    await expect(readLayout(at("nowhere.oci"))).rejects.toMatchObject({
      code: "configuration",
      message: `no image in ${at("nowhere.oci")}: there is no such file or folder; \`meshwright pack\` makes one`,
    });
  });

  test("another folder, and another file", async () => {
    await mkdir(at("empty"));
    await expect(readLayout(at("empty"))).rejects.toThrow("it has no index.json, so it is no image layout");
    await writeFile(at("text.tar"), "no archive ".repeat(100));
    await expect(readLayout(at("text.tar"))).rejects.toThrow(
      /text\.tar: it (is no tar archive|has no index)/,
    );
  });

  test("a blob that was changed, cut, or lost", async () => {
    expect(
      await broken("changed", (place) =>
        writeFile(path.join(place, layer()), Buffer.alloc(packed.image.blobs[1]?.bytes.length ?? 0)),
      ),
    ).toBe(`configuration: no image in PLACE: ${layer()} does not have the content that its name says`);
    expect(await broken("cut", (place) => writeFile(path.join(place, layer()), "x"))).toMatch(
      /does not have the content/,
    );
    expect(await broken("lost", (place) => rm(path.join(place, layer())))).toBe(
      `configuration: no image in PLACE: ${layer()} is missing`,
    );
  });

  test("an index with several images, or with a name that leads out of the folder", async () => {
    const index = (place: string) => path.join(place, "index.json");
    const edit = (change: (manifests: { digest: string }[]) => unknown) => async (place: string) => {
      const json = JSON.parse(await readFile(index(place), "utf8"));
      await writeFile(index(place), JSON.stringify({ ...json, manifests: change(json.manifests) }));
    };
    expect(
      await broken(
        "two",
        edit((manifests) => [...manifests, ...manifests]),
      ),
    ).toMatch(/it has 2 images, and only/);
    expect(
      await broken(
        "none",
        edit(() => []),
      ),
    ).toMatch(/it has 0 images/);
    expect(
      await broken(
        "out",
        edit(([one]) => [{ ...one, digest: "sha256:../../index.json" }]),
      ),
    ).toMatch(/index\.json is not what the OCI/);
    expect(await broken("text", (place) => writeFile(index(place), "{"))).toMatch(
      /index\.json is not what the OCI/,
    );
  });
});
