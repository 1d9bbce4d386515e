// A whole release of this checkout: what is in it, and that it is made twice the same.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inspectModule } from "../envoy/module/inspect.js";
import { PACKAGE_ROOT } from "../envoy/package-root.js";
import { BUNDLES } from "../filters/bundles.js";
import { FILTERS } from "../filters/catalog.js";
import { readLayout } from "../oci/layout/read.js";
import { makeRelease, type Release } from "./release.js";

const TEST_MS = 600_000;
const NAMES = [...FILTERS, ...BUNDLES].map(({ name }) => name);
let folder: string;
let release: Release;
const at = (name: string) => path.join(release.folder, name);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "release-"));
  process.chdir(PACKAGE_ROOT);
  release = await makeRelease({ allowDirty: true, outDir: path.join(folder, "one") });
}, TEST_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a release", { timeout: TEST_MS }, () => {
  test("has the modules, their images and what is said about them, the schemas, the package", async () => {
    const beside = [".cdx.json", ".oci.tar", ".provenance.json", ".schema.json", ".wasm"];
    expect(await readdir(release.folder)).toEqual(
      [
        "IMAGES",
        "SHA256SUMS",
        "mesh.schema.json",
        `meshwright-${release.version}.tgz`,
        ...NAMES.flatMap((name) => beside.map((ending) => name + ending)),
      ].sort(),
    );
    for (const name of NAMES) {
      expect(inspectModule(await readFile(at(`${name}.wasm`))).refusals, name).toEqual([]);
    }
  });

  test("names each image by the digest that its layout has", async () => {
    const lines = await Promise.all(
      NAMES.map(async (name) => {
        const { image } = await readLayout(at(`${name}.oci.tar`));
        return `${name}@${image.manifest.descriptor.digest}\n`;
      }),
    );
    expect(await readFile(at("IMAGES"), "utf8")).toBe(lines.join(""));
  });

  test("has an npm package whose modules are those of the release", () => {
    const tarball = at(`meshwright-${release.version}.tgz`);
    const listed = execFileSync("tar", ["tzf", tarball], { encoding: "utf8" });
    expect(listed).toContain("package/cli/meshwright.js\n");
    for (const { name } of FILTERS) {
      const packed = execFileSync("tar", ["xzOf", tarball, `package/dist/modules/${name}.wasm`]);
      expect(packed.equals(execFileSync("cat", [at(`${name}.wasm`)])), name).toBe(true);
    }
  });

  test("is made twice the same, and its sums hold", async () => {
    const again = await makeRelease({ allowDirty: true, outDir: path.join(folder, "two") });
    const [one, two] = await Promise.all(
      [release, again].map((each) => readFile(path.join(each.folder, "SHA256SUMS"), "utf8")),
    );
    expect(two).toBe(one);
    const check = spawnSync("sha256sum", ["-c", "--quiet", "SHA256SUMS"], {
      cwd: again.folder,
      encoding: "utf8",
    });
    expect(check).toMatchObject({ status: 0, stdout: "" });
  });

  test("leaves nothing where the disk is full", async ({ skip }) => {
    const disk = path.join(folder, "disk");
    await mkdir(disk);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]);
    skip(mounted.status !== 0, "only root may mount a small disk");
    try {
      await expect(makeRelease({ allowDirty: true, outDir: path.join(disk, "full") })).rejects.toMatchObject({
        code: "write-failed",
        message: expect.stringContaining("ENOSPC"),
      });
      expect(await readdir(disk)).toEqual([]);
    } finally {
      spawnSync("umount", [disk]);
    }
  });
});
