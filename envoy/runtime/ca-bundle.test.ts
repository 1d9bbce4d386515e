import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findCaBundle } from "./ca-bundle.js";

let folder: string;
let good: string;
let bad: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "ca-"));
  good = path.join(folder, "good.pem");
  bad = path.join(folder, "bad.pem");
  await writeFile(good, "-----BEGIN CERTIFICATE-----\n");
  await writeFile(bad, "rules: []\n");
});
afterAll(() => rm(folder, { recursive: true }));

it("takes the chosen file, then the variable's, then the system's first", async () => {
  const env = { SSL_CERT_FILE: good };
  expect(await findCaBundle({ file: good, env: { SSL_CERT_FILE: bad } })).toBe(good);
  expect(await findCaBundle({ env, systemBundles: [] })).toBe(good);
  expect(await findCaBundle({ env: {}, systemBundles: [path.join(folder, "none"), bad, good] })).toBe(good);
});

it("refuses a chosen file without a certificate, and takes no other", async () => {
  const systemBundles = [good];
  await expect(findCaBundle({ file: bad, env: {}, systemBundles })).rejects.toThrow(
    /bad\.pem is not a file of/,
  );
  await expect(findCaBundle({ env: { SSL_CERT_FILE: folder }, systemBundles })).rejects.toThrow(
    /is not a file of/,
  );
});

it("says what to do where the system has none", async () => {
  await expect(findCaBundle({ env: {}, systemBundles: [bad] })).rejects.toThrow(/install ca-certificates/);
});
