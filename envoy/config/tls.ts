// TLS to an upstream: the server must prove by its certificate that it is the one that was named.
import { isIP } from "node:net";
import { type TypedConfig, typedConfig } from "./typed-config.js";

const TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";

export interface UpstreamTlsOptions {
  /** The name, or the IP address, that the server's certificate must hold; a name is also sent to the server (SNI). */
  readonly serverName: string;
  /** A file of certificates in PEM, on Envoy's machine: whom to trust. */
  readonly caFile: string;
}

export interface TransportSocket {
  readonly name: "envoy.transport_sockets.tls";
  readonly typed_config: TypedConfig;
}

/** The transport socket of a cluster whose endpoints speak TLS. */
export function upstreamTls(options: UpstreamTlsOptions, protocol: "http1" | "http2"): TransportSocket {
  const { serverName, caFile } = options;
  const isAddress = isIP(serverName) !== 0;
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: typedConfig(TLS, {
      // SNI knows names only.
      ...(isAddress ? {} : { sni: serverName }),
      common_tls_context: {
        alpn_protocols: [protocol === "http2" ? "h2" : "http/1.1"],
        validation_context: {
          trusted_ca: { filename: caFile },
          // Without it any certificate of a trusted authority would do, whomever it names.
          match_typed_subject_alt_names: [
            { san_type: isAddress ? "IP_ADDRESS" : "DNS", matcher: { exact: serverName } },
          ],
        },
      },
    }),
  };
}
