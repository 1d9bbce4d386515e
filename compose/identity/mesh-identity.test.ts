// The certificates of a mesh over time: rotation, a clock that is wrong, a disk that is full, and
// files that somebody has changed.

import { X509Certificate } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeAuthority } from "../../envoy/certificates/authority.js";
import type { Secret } from "../../envoy/config/secret.js";
import { describeEvent } from "../events.js";
import type { MeshEnvoy } from "../mesh/topology.js";
import { MeshIdentity } from "./mesh-identity.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = Date.parse("2030-06-01T00:00:00Z");
const MESH = { name: "shop", identity: { trustDomain: "shop.test" } };
const ENVOYS: readonly MeshEnvoy[] = [
  { name: "gateway", hops: [] },
  { name: "web_v1", hops: [], app: { service: "web", version: "v1", name: "web_v1", number: 1 } },
];

let folder: string;
let clock: number;
let told: string[];
let given: Map<string, readonly Secret[]>;
let failure: Error | undefined;

beforeEach(async () => {
  folder = path.join(await mkdtemp(path.join(tmpdir(), "identity-")), "identity");
  clock = START;
  told = [];
  given = new Map();
  failure = undefined;
});
afterEach(() => rm(path.dirname(folder), { recursive: true, force: true }));

async function start(): Promise<MeshIdentity> {
  const identity = await MeshIdentity.start(MESH, ENVOYS, {
    folder,
    give: async (envoy, secrets) => {
      if (failure !== undefined) throw failure;
      given.set(envoy, secrets);
    },
    onEvent: (event) => told.push(...describeEvent(event)),
    now: () => clock,
  });
  // The test says when it looks.
  identity[Symbol.dispose]();
  return identity;
}

function certificateOf(envoy: string): X509Certificate {
  const secret = given.get(envoy)?.find(({ tls_certificate }) => tls_certificate !== undefined);
  return new X509Certificate(secret?.tls_certificate?.certificate_chain.inline_string ?? "");
}

const trustOf = (envoy: string) =>
  given.get(envoy)?.find(({ validation_context }) => validation_context !== undefined)?.validation_context
    ?.trusted_ca.inline_string ?? "";

function isTrusted(envoy: string, by: string): boolean {
  const certificate = certificateOf(envoy);
  const authorities = trustOf(by).match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----\n/g) ?? [];
  return authorities.some((each) => certificate.verify(new X509Certificate(each).publicKey));
}

it("gives each Envoy a certificate of its service's name, for three hours", async () => {
  await start();
  const { subjectAltName, validTo, validFrom, ca } = certificateOf("web_v1");
  expect(subjectAltName).toBe("URI:spiffe://shop.test/ns/shop/sa/web");
  expect(certificateOf("gateway").subjectAltName).toBe("URI:spiffe://shop.test/ns/shop/sa/gateway");
  expect(Date.parse(validTo) - START).toBe(3 * HOUR_MS);
  expect(START - Date.parse(validFrom)).toBe(25 * HOUR_MS);
  expect(ca).toBe(false);
  expect((await stat(path.join(folder, "root.key"))).mode & 0o777).toBe(0o600);
  expect(await readFile(path.join(folder, "root.pem"), "utf8")).toBe(trustOf("gateway"));
});

it("gives new ones after an hour, and not before", async () => {
  const identity = await start();
  const { serialNumber } = certificateOf("web_v1");
  clock += HOUR_MS - 1;
  await identity.look();
  expect(certificateOf("web_v1").serialNumber).toBe(serialNumber);
  clock += 1;
  await identity.look();
  expect(certificateOf("web_v1").serialNumber).not.toBe(serialNumber);
  expect(told).toEqual([]);
});

it.each([
  ["forward", DAY_MS],
  ["back", -DAY_MS],
])("a clock that is set a day %s finds valid certificates at the next look", async (_which, change) => {
  const identity = await start();
  if (change < 0) {
    const { validFrom } = certificateOf("web_v1");
    expect(Date.parse(validFrom)).toBeLessThan(clock + change);
  }
  clock += change;
  await identity.look();
  const { validFrom, validTo } = certificateOf("web_v1");
  expect(Date.parse(validFrom)).toBeLessThan(clock);
  expect(Date.parse(validTo)).toBe(clock + 3 * HOUR_MS);
  expect(isTrusted("web_v1", "gateway")).toBe(true);
});

it("tells once that certificates cannot be renewed, keeps the old ones, and catches up", async () => {
  const identity = await start();
  const { serialNumber } = certificateOf("web_v1");
  failure = new Error("no space left on device");
  clock += HOUR_MS;
  for (let i = 0; i < 5; i++) {
    await identity.look();
    clock += 20_000;
  }
  expect(told).toEqual([
    "not renewed: the mesh's certificates: Error: no space left on device; the old ones stay until it can be done",
  ]);
  expect(certificateOf("web_v1").serialNumber).toBe(serialNumber);
  failure = undefined;
  await identity.look();
  expect(certificateOf("web_v1").serialNumber).not.toBe(serialNumber);
  expect(told.slice(1)).toEqual(["renewed again: the mesh's certificates"]);
});

it("keeps its authority over restarts", async () => {
  await start();
  const before = trustOf("gateway");
  clock += DAY_MS;
  await start();
  expect(trustOf("gateway")).toBe(before);
});

it("renews its authority in time: every Envoy trusts the new one before it signs", async () => {
  const identity = await start();
  const old = trustOf("gateway");
  clock = START + 336 * DAY_MS;
  await identity.look();
  expect(told).toEqual([expect.stringMatching(/^renewed: the mesh's authority in .*identity; clients/)]);
  expect(trustOf("web_v1")).not.toBe(old);
  expect(trustOf("web_v1").endsWith(old)).toBe(true);
  expect(certificateOf("web_v1").verify(new X509Certificate(old).publicKey)).toBe(true);
  clock += HOUR_MS;
  await identity.look();
  expect(certificateOf("web_v1").verify(new X509Certificate(old).publicKey)).toBe(false);
  expect(isTrusted("web_v1", "gateway")).toBe(true);
  clock = START + 370 * DAY_MS;
  await identity.look();
  await identity.look();
  expect(await readFile(path.join(folder, "root.pem"), "utf8")).not.toContain(old);
});

it("makes a new authority where the clock says that the old one is not valid", async () => {
  await start();
  const before = trustOf("gateway");
  clock += 3 * 365 * DAY_MS;
  await start();
  expect(trustOf("gateway")).not.toContain(before);
  expect(isTrusted("web_v1", "gateway")).toBe(true);
});

it.each([
  ["something else", async () => "hello\n", /is not a list of certificates, each with its key/],
  [
    "a key of another certificate",
    async (text: string) =>
      text.replace(/-----BEGIN PRIVATE[\s\S]*/, (await makeAuthority("x", validity())).key),
    /is not an authority's \(a key in it does not belong to its certificate\)/,
  ],
  [
    "a broken certificate",
    async (text: string) => text.replace(/^MII.*$/m, "MIIabc"),
    /is not an authority's \(/,
  ],
])("refuses an authority that was replaced by %s", async (_what, change, reason) => {
  await start();
  const file = path.join(folder, "root.key");
  await chmod(file, 0o600);
  await writeFile(file, await change(await readFile(file, "utf8")));
  const refusal = await start().catch((error: Error) => error.message);
  expect(refusal).toMatch(reason);
  expect(refusal).toMatch(/^.*identity\/root\.key .*remove the file for a new authority/);
});

it("takes an authority of one's own", async () => {
  await start();
  const own = await makeAuthority("my own", validity());
  await writeFile(path.join(folder, "root.key"), `${own.certificate}${own.key}`);
  await start();
  expect(trustOf("gateway")).toBe(own.certificate);
});

const validity = () => ({ notBefore: START - DAY_MS, notAfter: START + 100 * DAY_MS });
