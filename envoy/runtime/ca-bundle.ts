// Finds the certificate authorities that this machine trusts. Envoy knows none by itself.

import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { MeshwrightError } from "../errors.js";

/**
 * Where systems keep them in one file: Debian and Alpine, Fedora, openSUSE, older Red Hat, macOS
 * and BSD.
 */
const SYSTEM_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/cert.pem",
];

const PEM_MARK = "-----BEGIN CERTIFICATE-----";

export interface FindCaBundleOptions {
  /** A file that somebody chose. It is taken or refused; no other file is tried. */
  readonly file?: string;
  /** The environment in which `SSL_CERT_FILE` is read. Default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** The files to try. Default: those of the common systems. */
  readonly systemBundles?: readonly string[];
}

/**
 * The absolute path of a PEM file: the chosen one, else `$SSL_CERT_FILE`, else the system's.
 * @throws MeshwrightError `configuration` when the chosen file holds no certificates, or when no
 * file is found.
 */
export async function findCaBundle(options: FindCaBundleOptions = {}): Promise<string> {
  const { env = process.env, systemBundles = SYSTEM_BUNDLES } = options;
  const chosen = options.file ?? (env.SSL_CERT_FILE || undefined);
  if (chosen !== undefined) {
    if (await holdsCertificates(chosen)) return resolve(chosen);
    throw new MeshwrightError(
      "configuration",
      `certificate authorities: ${chosen} is not a file of certificates; name one in PEM, with "${PEM_MARK}" in it`,
    );
  }
  for (const bundle of systemBundles) if (await holdsCertificates(bundle)) return bundle;
  throw new MeshwrightError(
    "configuration",
    "an https upstream needs a list of certificate authorities, and this system has none in the usual places: install ca-certificates, or set SSL_CERT_FILE to a file in PEM",
    systemBundles.map((bundle) => `looked for ${bundle}`),
  );
}

async function holdsCertificates(path: string): Promise<boolean> {
  try {
    // The file is examined before it is opened, because opening a pipe would wait for a writer.
    return (await stat(path)).isFile() && (await readFile(path, "latin1")).includes(PEM_MARK);
  } catch {
    return false;
  }
}
