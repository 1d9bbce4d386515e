// What certificates a mesh has: those that its running Envoys show, and its authorities.

import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { AdminClient, type ShownCertificate } from "../../envoy/runtime/admin.js";
import { ENV_FILE } from "../containers/compose-cli.js";
import { statusPath } from "../containers/status.js";
import { accountOf, identityOf, spiffeId } from "../mesh/identity.js";
import type { Mesh } from "../mesh/shape.js";
import { meshEnvoys } from "../mesh/topology.js";
import { authorityFile, IDENTITY_FOLDER, runFolder } from "../run-directory.js";

/** A certificate. Times are as in ISO 8601. */
export interface ReportedCertificate {
  /** The Envoy that shows it; `authority` for what signs them. */
  readonly envoy: string;
  /** Its SPIFFE name; an authority has its subject. */
  readonly name: string;
  readonly serial: string;
  readonly validFrom: string;
  readonly validTo: string;
}

export interface IdentityReport {
  readonly mesh: string;
  readonly mode: string;
  readonly trustDomain: string;
  /** Whether an Envoy of the mesh answers. */
  readonly running: boolean;
  /** The folder of the authorities, absolute. */
  readonly folder: string;
  readonly certificates: readonly ReportedCertificate[];
  /** The Envoys of the mesh that do not answer, or show no certificate of their name. */
  readonly missing: readonly string[];
}

/**
 * Asks the mesh that runs below `cwd`.
 * @throws MeshwrightError `configuration` where an authority's file cannot be read
 */
export async function identityReport(mesh: Mesh, cwd = process.cwd()): Promise<IdentityReport> {
  const { mode, trustDomain } = identityOf(mesh);
  const directory = runFolder(mesh.name, cwd);
  const folder = path.join(directory, IDENTITY_FOLDER);
  const envoys = mode === "off" ? [] : meshEnvoys(mesh);
  const statusUrl = await containerStatus(directory);
  const asked = envoys.map(async (envoy) => {
    const admin = await adminOf(envoy.name, directory, statusUrl);
    const shown = await admin?.certificates().catch(() => undefined);
    return { envoy: envoy.name, name: spiffeId(mesh, accountOf(mesh, envoy)), shown };
  });
  const answers = await Promise.all(asked);
  const own = answers.flatMap(({ envoy, name, shown = [] }) =>
    shown.filter(({ uris }) => uris.includes(name)).map((each) => reported(envoy, name, each)),
  );
  const found = new Set(own.map(({ envoy }) => envoy));
  return {
    mesh: mesh.name,
    mode,
    trustDomain,
    running: answers.some(({ shown }) => shown !== undefined),
    folder,
    certificates: [...own, ...(mode === "off" ? [] : await authorities(authorityFile(directory)))],
    missing: envoys.map(({ name }) => name).filter((name) => !found.has(name)),
  };
}

function reported(envoy: string, name: string, { serial, validFrom, validTo }: ShownCertificate) {
  return { envoy, name, serial, validFrom, validTo };
}

/** The port of a mesh of containers where all Envoys can be asked; undefined for processes. */
async function containerStatus(directory: string): Promise<string | undefined> {
  const text = await readFile(path.join(directory, ENV_FILE), "utf8").catch(() => "");
  const [, port] = /^STATUS_PORT='(\d+)'$/m.exec(text) ?? [];
  return port === undefined ? undefined : `http://127.0.0.1:${port}`;
}

async function adminOf(
  envoy: string,
  directory: string,
  statusUrl: string | undefined,
): Promise<AdminClient | undefined> {
  if (statusUrl !== undefined) return new AdminClient(`${statusUrl}${statusPath(envoy)}`);
  const file = path.join(directory, "envoys", `${envoy}.json`);
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const { admin } = JSON.parse(text) as {
    readonly admin: { readonly address: { readonly socket_address: { readonly port_value: number } } };
  };
  return new AdminClient(`http://127.0.0.1:${admin.address.socket_address.port_value}`);
}

async function authorities(file: string): Promise<readonly ReportedCertificate[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => {
    try {
      const { subject, serialNumber, validFrom, validTo } = new X509Certificate(block);
      return {
        envoy: "authority",
        name: subject,
        serial: serialNumber.toLowerCase(),
        validFrom: new Date(validFrom).toISOString(),
        validTo: new Date(validTo).toISOString(),
      };
    } catch (cause) {
      const reason = `${file} is not a list of certificates: the next start of the mesh writes it again`;
      throw new MeshwrightError("configuration", reason, [], { cause });
    }
  });
}
