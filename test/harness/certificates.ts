// Certificates for a test's own TLS servers: an authority made on the spot, and what it signs. Needs the program `openssl`.

import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";

interface Authority {
  /** The authority's own certificate, a file in PEM. */
  readonly caFile: string;
  /** A key and a certificate for a subject alternative name such as `DNS:localhost` or `IP:127.0.0.1`. */
  issue(name: string, subjectAltName: string): Promise<{ readonly key: Buffer; readonly cert: Buffer }>;
}

/** Makes an authority whose files stand in `folder`. */
export function makeAuthority(folder: string): Authority {
  const at = (file: string) => path.join(folder, file);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout"];
  openssl("req", "-x509", ...key, at("ca.key"), "-out", at("ca.pem"), "-subj", "/CN=test", "-days", "2");
  return {
    caFile: at("ca.pem"),
    issue: async (name, subjectAltName) => {
      const [request, cert, extensions] = [at(`${name}.csr`), at(`${name}.pem`), at(`${name}.ext`)];
      await writeFile(extensions, `subjectAltName=${subjectAltName}\n`);
      openssl("req", ...key, at(`${name}.key`), "-out", request, "-subj", `/CN=${name}`);
      const by = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial"];
      openssl("x509", "-req", "-in", request, ...by, "-days", "2", "-extfile", extensions, "-out", cert);
      return { key: await readFile(at(`${name}.key`)), cert: await readFile(cert) };
    },
  };
}

function openssl(...args: string[]): void {
  const { status, stderr } = spawnSync("openssl", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
}
