// Calls a sidecar of a mesh as another Envoy would, or as somebody who may not.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import path from "node:path";
import type { PeerCertificate } from "node:tls";
import {
  issueCertificate,
  type KeyPair,
  makeAuthority,
  type Validity,
} from "../../envoy/certificates/authority.js";

const HOUR_MS = 3_600_000;
const PATIENCE_MS = 20_000;

/** Now, with an hour on both sides. */
export function validNow(): Validity {
  return { notBefore: Date.now() - HOUR_MS, notAfter: Date.now() + HOUR_MS };
}

export const EXPIRED: Validity = { notBefore: 0, notAfter: HOUR_MS };

/** The authority of the mesh whose run's folder this is. */
export async function authorityOf(directory: string): Promise<KeyPair> {
  const text = await readFile(path.join(directory, "identity", "root.key"), "utf8");
  const [certificate = "", key = ""] = text.match(/-----BEGIN[\s\S]*?-----END [A-Z ]+-----\n/g) ?? [];
  return { certificate, key };
}

/** A certificate of that name, as the mesh's authority or another signs it. */
export async function certificateFor(
  uri: string,
  by: KeyPair | undefined,
  validity = validNow(),
): Promise<KeyPair> {
  const authority = by ?? (await makeAuthority("stranger", validNow()));
  return issueCertificate(authority, { name: "caller", uris: [uri] }, validity);
}

export interface SidecarCall {
  /** Absent: plain HTTP. */
  readonly tls?: { readonly trust: string; readonly own?: KeyPair };
  readonly method?: string;
  /** Sent unchanged. Default: `/`. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type SidecarAnswer =
  /** `server` and `serial`: the names and the number in the certificate that the sidecar showed. */
  | { readonly status: number; readonly body: string; readonly server?: string; readonly serial?: string }
  /** The connection ended without an answer. */
  | { readonly refused: string };

/** @param port of 127.0.0.1 */
export async function callSidecar(port: number, call: SidecarCall = {}): Promise<SidecarAnswer> {
  const { tls, method = "GET", path: asked = "/", headers = {} } = call;
  let shown: { readonly server: string; readonly serial: string } | undefined;
  const common = {
    ...{ host: "127.0.0.1", port, method, path: asked, headers, agent: false as const },
    signal: AbortSignal.timeout(PATIENCE_MS),
  };
  const request =
    tls === undefined
      ? http.request(common)
      : https.request({
          ...common,
          ca: tls.trust,
          ...(tls.own === undefined ? {} : { cert: tls.own.certificate, key: tls.own.key }),
          checkServerIdentity: (_host: string, certificate: PeerCertificate) => {
            shown = {
              server: certificate.subjectaltname ?? "",
              serial: certificate.serialNumber.toLowerCase(),
            };
            return undefined;
          },
        });
  try {
    request.end();
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    return { status: response.statusCode ?? 0, body, ...shown };
  } catch (cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    if (code === "ABORT_ERR") throw cause;
    return { refused: code || message };
  } finally {
    request.destroy();
  }
}
