// The certificates that the gateway shows to clients: of the mesh's own authority, or from files
// that a person keeps, and may replace while the mesh runs.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { issueCertificate, type KeyPair } from "../../envoy/certificates/authority.js";
import { certificateSecret, type Secret } from "../../envoy/config/secret.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { LOOPBACK } from "../listener-options.js";
import type { HostCertificate } from "../mesh/gateway-tls.js";
import type { Roots } from "./roots.js";

const MAX_COMMON_NAME = 64;

export class HostCertificates {
  readonly #hosts: readonly HostCertificate[];
  /** The pairs from files that were given last, by their secrets. */
  readonly #given = new Map<string, string>();

  constructor(hosts: readonly HostCertificate[]) {
    this.#hosts = hosts;
  }

  /** New certificates of the mesh's authority, for the hosts without files. */
  async issue(
    roots: Roots,
    validity: { readonly notBefore: number; readonly notAfter: number },
  ): Promise<Secret[]> {
    const secrets: Secret[] = [];
    for (const { secret, host, files } of this.#hosts) {
      if (files !== undefined) continue;
      const addresses = host === "localhost" ? [LOOPBACK, "::1"] : [];
      const names = { name: host.slice(0, MAX_COMMON_NAME), hosts: [host], addresses };
      secrets.push(certificateSecret(secret, await issueCertificate(roots.issuer, names, validity)));
    }
    return secrets;
  }

  /**
   * What the files have that was not given yet.
   * @throws MeshwrightError `configuration` for the first that Envoy could not use
   */
  async changed(now: number): Promise<Secret[]> {
    const secrets: Secret[] = [];
    for (const { secret, files } of this.#hosts) {
      if (files === undefined) continue;
      const pair = await readPair(files, now);
      const text = `${pair.certificate}${pair.key}`;
      if (this.#given.get(secret) === text) continue;
      this.#given.set(secret, text);
      secrets.push(certificateSecret(secret, pair));
    }
    return secrets;
  }
}

/**
 * Envoy would refuse a pair that does not fit, and show one that has ended.
 * @throws MeshwrightError `configuration` with the file
 */
async function readPair(
  files: { readonly certificate: string; readonly key: string },
  now: number,
): Promise<KeyPair> {
  const pair: KeyPair = { certificate: await read(files.certificate), key: await read(files.key) };
  const refused = (file: string, why: string) =>
    new MeshwrightError("configuration", `${file} ${why}: put a certificate and its key in PEM there`);
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pair.certificate);
  } catch {
    throw refused(files.certificate, "is not a certificate");
  }
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key)))
      throw refused(files.key, `does not belong to the certificate in ${files.certificate}`);
  } catch (error) {
    throw error instanceof MeshwrightError ? error : refused(files.key, "is not a key without a password");
  }
  if (Date.parse(certificate.validTo) <= now)
    throw refused(files.certificate, `has ended (${certificate.validTo})`);
  return pair;
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    throw new MeshwrightError(
      "configuration",
      `${file} cannot be read (${code}): correct gateway.tls of the mesh file`,
      [],
      { cause },
    );
  }
}
