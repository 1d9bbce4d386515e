// The authorities of one mesh, which sign the certificates of its Envoys. They are kept beside the
// mesh's other files, so that a client that trusts the mesh goes on to do so after a restart.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { type KeyPair, makeAuthority } from "../../envoy/certificates/authority.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { writeAtomically } from "../../envoy/runtime/atomic-file.js";
import { makePrivateFolder } from "../../envoy/runtime/folder.js";
import { authorityFile } from "../run-directory.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LIFE_MS = 365 * DAY_MS;
/** Long enough that a mesh which is seldom started never meets the end of its authority. */
const RENEWED_BEFORE_MS = 30 * DAY_MS;
/** How much earlier than its issue a certificate is valid: the clock may go back by a day. */
export const MARGIN_MS = 25 * HOUR_MS;

/** Certificates and keys, the newest first. */
const KEY_FILE = "root.key";

/** An authority with its certificate as Node reads it. */
interface Root extends KeyPair {
  readonly read: X509Certificate;
}

export class Roots {
  /** Absolute. */
  readonly folder: string;
  readonly #name: string;
  /** The newest first. */
  #roots: readonly Root[];
  /** Those that every Envoy trusts already. */
  #known: ReadonlySet<Root>;

  private constructor(folder: string, name: string, roots: readonly Root[]) {
    this.folder = folder;
    this.#name = name;
    this.#roots = roots;
    this.#known = new Set(roots);
  }

  /**
   * Reads the authorities of that folder, or makes one there.
   * @param name of a new authority
   * @throws MeshwrightError `configuration` for a file that cannot be read as such, `write-failed`
   */
  static async open(folder: string, name: string, now: number): Promise<Roots> {
    await makePrivateFolder(folder);
    // Whoever adds all files of a folder to a repository must not add keys.
    await writeAtomically(path.join(folder, ".gitignore"), "*\n");
    const roots = new Roots(folder, name, await readRoots(path.join(folder, KEY_FILE)));
    await roots.renew(now);
    // No Envoy runs yet, and each gets all of them.
    roots.distributed();
    return roots;
  }

  /** The certificates of all authorities, in PEM. */
  get trust(): string {
    return this.#roots.map(({ certificate }) => certificate).join("");
  }

  /** The newest of those that every Envoy trusts. */
  get issuer(): KeyPair {
    const issuer = this.#roots.find((root) => this.#known.has(root)) ?? this.#roots[0];
    if (issuer === undefined) throw new Error("a mesh has no authority");
    return issuer;
  }

  /** When the authority that signs ends, in milliseconds since 1970. */
  get end(): number {
    return Date.parse(new X509Certificate(this.issuer.certificate).validTo);
  }

  /** Says that every Envoy trusts what `trust` has. */
  distributed(): void {
    this.#known = new Set(this.#roots);
  }

  /**
   * Makes a new authority where the newest ends soon, or is not valid by this machine's clock.
   * Those that are still valid stay trusted. Returns whether it made one.
   */
  async renew(now: number): Promise<boolean> {
    const valid = this.#roots.filter((root) => isValid(root, now));
    const [newest] = valid;
    if (newest !== undefined && Date.parse(newest.read.validTo) - now > RENEWED_BEFORE_MS) {
      if (valid.length < this.#roots.length) await this.#keep(valid);
      return false;
    }
    const made = await makeAuthority(this.#name, { notBefore: now - MARGIN_MS, notAfter: now + LIFE_MS });
    await this.#keep([{ ...made, read: new X509Certificate(made.certificate) }, ...valid]);
    return true;
  }

  async #keep(roots: readonly Root[]): Promise<void> {
    const all = roots.map(({ certificate, key }) => `${certificate}${key}`).join("");
    await writeAtomically(path.join(this.folder, KEY_FILE), all, { mode: 0o600 });
    this.#roots = roots;
    await writeAtomically(authorityFile(path.dirname(this.folder)), this.trust);
  }
}

function isValid({ read }: Root, now: number): boolean {
  return Date.parse(read.validFrom) <= now && now < Date.parse(read.validTo);
}

async function readRoots(file: string): Promise<readonly Root[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    throw refused(file, `cannot be read (${code})`);
  }
  const blocks = text.match(/-----BEGIN ([A-Z ]+)-----[^-]*-----END \1-----\n?/g) ?? [];
  if (blocks.length === 0 || blocks.length % 2 === 1)
    throw refused(file, "is not a list of certificates, each with its key");
  return blocks.flatMap((certificate, i) =>
    i % 2 === 1 ? [] : [rootOf(file, certificate, blocks[i + 1] ?? "")],
  );
}

function rootOf(file: string, certificate: string, key: string): Root {
  let read: X509Certificate;
  try {
    read = new X509Certificate(certificate);
    if (!read.checkPrivateKey(createPrivateKey(key)))
      throw new Error("a key in it does not belong to its certificate");
    if (!read.ca) throw new Error("a certificate in it is not an authority's");
  } catch (cause) {
    throw refused(file, `is not an authority's (${(cause as Error).message})`);
  }
  return { certificate, key, read };
}

function refused(file: string, what: string): MeshwrightError {
  return new MeshwrightError(
    "configuration",
    `${file} ${what}: put back the one that meshwright wrote, or remove the file for a new authority, which clients must trust anew`,
  );
}
