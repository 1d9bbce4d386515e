// Certificates for a test's own TLS servers: a new authority, and what it signs. Needs the program
// `openssl`.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";

/** A certificate and its key, as PEM text and as the paths of their files. */
export interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly keyFile: string;
  readonly certFile: string;
}

export interface Authority {
  /** The authority's own certificate, in PEM. */
  readonly ca: Buffer;
  readonly caFile: string;
  /**
   * Makes a key and a certificate.
   * @param name the common name, and the name of the files: letters, digits, "_" and "-"
   * @param subjectAltName such as `DNS:localhost` or `IP:127.0.0.1`
   */
  issue(name: string, subjectAltName: string): Promise<Certificate>;
}

/**
 * Makes an authority that keeps its files in `folder`. Its certificates are valid for two days.
 * @throws MeshwrightError `tool-missing` when the program `openssl` is not installed, `usage` when
 * openssl refuses, for example because the folder does not exist
 */
export function makeAuthority(folder: string): Authority {
  const at = (file: string) => path.join(folder, file);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout"];
  openssl("req", "-x509", ...key, at("ca.key"), "-out", at("ca.pem"), "-subj", "/CN=test", "-days", "2");
  return {
    ca: readFileSync(at("ca.pem")),
    caFile: at("ca.pem"),
    issue: async (name, subjectAltName) => {
      if (!/^[\w-]+$/.test(name)) {
        throw new MeshwrightError(
          "usage",
          `a certificate cannot be named "${name}": letters, digits, "_" and "-" only`,
        );
      }
      const [request, cert, extensions] = [at(`${name}.csr`), at(`${name}.pem`), at(`${name}.ext`)];
      await writeFile(extensions, `subjectAltName=${subjectAltName}\n`);
      openssl("req", ...key, at(`${name}.key`), "-out", request, "-subj", `/CN=${name}`);
      const by = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial"];
      openssl("x509", "-req", "-in", request, ...by, "-days", "2", "-extfile", extensions, "-out", cert);
      const keyFile = at(`${name}.key`);
      // Envoy in a container may run as another user. The key has no value outside the test.
      await chmod(keyFile, 0o644);
      return { key: await readFile(keyFile), cert: await readFile(cert), keyFile, certFile: cert };
    },
  };
}

function openssl(...args: string[]): void {
  const { status, stderr, error } = spawnSync("openssl", args, { encoding: "utf8" });
  if (error !== undefined) {
    throw new MeshwrightError(
      "tool-missing",
      `certificates for a test need the program openssl, which cannot be run (${error.message}): on Debian apt-get install openssl, on macOS brew install openssl`,
      [],
      { cause: error },
    );
  }
  if (status !== 0) {
    throw new MeshwrightError(
      "usage",
      `openssl ${args[0]} refuses: ${stderr.trim().split("\n").at(-1) ?? ""}`,
      [`openssl ${args.join(" ")}`, ...stderr.trim().split("\n")],
    );
  }
}
