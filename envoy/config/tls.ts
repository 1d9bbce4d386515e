// TLS on both sides of the proxy: to an upstream, which must prove that it has the name that was
// given, and from clients.
import { isIP } from "node:net";
import { MeshwrightError } from "../errors.js";
import type { UpstreamProtocol } from "./protocol.js";
import { type TypedConfig, typedConfig } from "./typed-config.js";

export const UPSTREAM = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
export const DOWNSTREAM = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";

/** What Envoy offers to an endpoint; the first is what it likes best. */
export const ALPN: Readonly<Record<UpstreamProtocol, readonly string[]>> = {
  http1: ["http/1.1"],
  http2: ["h2"],
  auto: ["h2", "http/1.1"],
};

/** A certificate and its key, files in PEM on Envoy's machine. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface UpstreamTlsOptions extends Partial<CertificateFiles> {
  /**
   * The name, or the IP address, that the server's certificate must hold; a name is also sent to
   * the server (SNI).
   */
  readonly serverName: string;
  /** A file of certificates in PEM, on Envoy's machine: whom to trust. */
  readonly caFile: string;
}

export interface DownstreamTlsOptions extends CertificateFiles {
  /**
   * A file of certificates in PEM, on Envoy's machine: a client must show a certificate that one of
   * them signed. Default: clients need none.
   */
  readonly clientCaFile?: string;
}

export interface TransportSocket {
  readonly name: "envoy.transport_sockets.tls";
  readonly typed_config: TypedConfig;
}

/**
 * The transport socket of a cluster whose endpoints speak TLS. With `certFile` and `keyFile` Envoy
 * shows this certificate to a server that asks for one.
 * @throws MeshwrightError `configuration` when one of the two is missing
 */
export function upstreamTls(options: UpstreamTlsOptions, protocol: UpstreamProtocol): TransportSocket {
  const { serverName, caFile } = options;
  const isAddress = isIP(serverName) !== 0;
  return transportSocket(UPSTREAM, {
    // SNI carries names only.
    ...(isAddress ? {} : { sni: serverName }),
    common_tls_context: {
      alpn_protocols: ALPN[protocol],
      ...clientCertificate(options),
      validation_context: {
        trusted_ca: { filename: caFile },
        // Without it Envoy would accept any certificate of a trusted authority, whatever name it
        // holds.
        match_typed_subject_alt_names: [
          { san_type: isAddress ? "IP_ADDRESS" : "DNS", matcher: { exact: serverName } },
        ],
      },
    },
  });
}

/** The transport socket of a listener whose clients speak TLS, HTTP/2 or HTTP/1.1 by ALPN. */
export function downstreamTls(options: DownstreamTlsOptions): TransportSocket {
  const { clientCaFile } = options;
  return transportSocket(DOWNSTREAM, {
    ...(clientCaFile === undefined ? {} : { require_client_certificate: true }),
    common_tls_context: {
      alpn_protocols: ["h2", "http/1.1"],
      tls_certificates: [certificate(options)],
      ...(clientCaFile === undefined
        ? {}
        : { validation_context: { trusted_ca: { filename: clientCaFile } } }),
    },
  });
}

export function transportSocket(type: string, context: Readonly<Record<string, unknown>>): TransportSocket {
  return { name: "envoy.transport_sockets.tls", typed_config: typedConfig(type, context) };
}

function clientCertificate({ certFile, keyFile, serverName }: UpstreamTlsOptions) {
  if (certFile === undefined && keyFile === undefined) return {};
  if (certFile === undefined || keyFile === undefined) {
    const missing = certFile === undefined ? "certFile" : "keyFile";
    throw new MeshwrightError(
      "configuration",
      `TLS to ${serverName}: ${missing} is missing; Envoy's own certificate needs certFile and keyFile`,
    );
  }
  return { tls_certificates: [certificate({ certFile, keyFile })] };
}

function certificate({ certFile, keyFile }: CertificateFiles) {
  return { certificate_chain: { filename: certFile }, private_key: { filename: keyFile } };
}
