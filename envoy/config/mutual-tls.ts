// TLS with certificates that come by secret discovery, so that they change while connections stay
// open. Between two Envoys each side shows a certificate with the URI of who it is.
import type { UpstreamProtocol } from "./protocol.js";
import type { SecretReference } from "./secret.js";
import { ALPN, DOWNSTREAM, type TransportSocket, transportSocket, UPSTREAM } from "./tls.js";

/** Both sides are Envoys of the same release, and TLS 1.3 encrypts the certificates too. */
const TLS_13 = { tls_minimum_protocol_version: "TLSv1_3", tls_maximum_protocol_version: "TLSv1_3" };

export interface MutualTlsOptions {
  /** What this Envoy shows. */
  readonly certificate: SecretReference;
  /** Whose certificates it takes. */
  readonly trust: SecretReference;
  /** The URI that the other side's certificate must have, or how that must begin. */
  readonly peer: { readonly exact: string } | { readonly prefix: string };
}

/** The transport socket of a cluster. */
export function mutualUpstreamTls(
  options: MutualTlsOptions,
  protocol: UpstreamProtocol | "tcp",
): TransportSocket {
  return transportSocket(UPSTREAM, {
    common_tls_context: {
      ...(protocol === "tcp" ? {} : { alpn_protocols: ALPN[protocol] }),
      ...common(options),
    },
  });
}

/**
 * The transport socket of a listener: a client without a certificate is refused. Every connection
 * shows its certificate anew, because a resumed one would be let in after its certificate's end.
 */
export function mutualDownstreamTls(options: MutualTlsOptions): TransportSocket {
  return transportSocket(DOWNSTREAM, {
    require_client_certificate: true,
    disable_stateless_session_resumption: true,
    disable_stateful_session_resumption: true,
    common_tls_context: { alpn_protocols: ALPN.auto, ...common(options) },
  });
}

/** The transport socket of a listener whose clients need no certificate. */
export function secretTls(certificate: SecretReference): TransportSocket {
  return transportSocket(DOWNSTREAM, {
    common_tls_context: {
      alpn_protocols: ALPN.auto,
      tls_certificate_sds_secret_configs: [certificate],
    },
  });
}

function common({ certificate, trust, peer }: MutualTlsOptions) {
  return {
    tls_params: TLS_13,
    tls_certificate_sds_secret_configs: [certificate],
    combined_validation_context: {
      default_validation_context: { match_typed_subject_alt_names: [{ san_type: "URI", matcher: peer }] },
      validation_context_sds_secret_config: trust,
    },
  };
}
