// The files about one module, and their sums, as a user of a release checks them.

import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { layoutFiles } from "../oci/layout/layout.js";
import { writeLayoutTar } from "../oci/layout/write.js";
import { packModule } from "../oci/pack.js";
import { SAMPLE_MAKER, sampleBytes, sampleModule } from "../test/support/packed-sample.js";
import { writeModuleFiles } from "./files.js";
import { SUMS, writeSums } from "./sums.js";

const sample = sampleModule();
let modules: string;
let folder: string;
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  modules = await mkdtemp(path.join(tmpdir(), "release-modules-"));
  folder = await mkdtemp(path.join(tmpdir(), "release-files-"));
  await writeFile(path.join(modules, `${sample.name}.wasm`), sample.bytes);
  await writeLayoutTar(at(`${sample.name}.oci.tar`), layoutFiles(await packModule(sample, SAMPLE_MAKER)));
});
afterAll(async () => {
  for (const each of [modules, folder]) await rm(each, { recursive: true, force: true });
});

const packed = () => ({
  name: sample.name,
  leftOut: [],
  path: at(`${sample.name}.oci.tar`),
  digest: sample.digest,
  bytes: sample.bytes.length,
});

test("the module, its SBOM, its provenance and its schema lie beside its image", async () => {
  await writeModuleFiles(packed(), modules);
  const { name } = sample;
  expect((await readdir(folder)).sort()).toEqual([
    `${name}.cdx.json`,
    `${name}.oci.tar`,
    `${name}.provenance.json`,
    `${name}.schema.json`,
    `${name}.wasm`,
  ]);
  expect(await readFile(at(`${name}.schema.json`), "utf8")).toBe(sample.schema);
  expect(JSON.parse(await readFile(at(`${name}.cdx.json`), "utf8"))).toMatchObject({
    bomFormat: "CycloneDX",
  });
  const { subject } = JSON.parse(await readFile(at(`${name}.provenance.json`), "utf8"));
  expect(subject).toContainEqual({ name: "plugin.wasm", digest: { sha256: sample.digest.slice(7) } });
});

test("sha256sum takes the sums, and notices a file that was changed", async () => {
  await writeModuleFiles(packed(), modules);
  const names = await writeSums(folder);
  expect(names).not.toContain(SUMS);
  const check = () => spawnSync("sha256sum", ["-c", SUMS], { cwd: folder, encoding: "utf8" });
  expect(check()).toMatchObject({ status: 0, stdout: names.map((name) => `${name}: OK\n`).join("") });
  await writeFile(at(`${sample.name}.wasm`), sampleBytes(10));
  expect(check().status).toBe(1);
  expect(check().stdout).toContain(`${sample.name}.wasm: FAILED`);
});

test("a module that is not the image's is refused", async () => {
  await writeFile(path.join(modules, `${sample.name}.wasm`), sampleBytes(10));
  await expect(writeModuleFiles(packed(), modules)).rejects.toMatchObject({
    code: "build",
    message: `${sample.name}.wasm changed while it was packed: make the release again`,
  });
  await writeFile(path.join(modules, `${sample.name}.wasm`), sample.bytes);
});
