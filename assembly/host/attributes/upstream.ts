// Attributes of the upstream, available once Envoy has a connection to it, so in the response. Call
// each once, at the top level, and keep what it returns: a module holds only the attributes that it
// names.

import { IntegerAttribute, TextAttribute } from "./types";

/** `upstream.*` */
@final
export class UpstreamAttributes {
  /** IP address and port of the upstream. */
  static address(): TextAttribute {
    return new TextAttribute(["upstream", "address"]);
  }

  /** Port, without the address. */
  static port(): IntegerAttribute {
    return new IntegerAttribute(["upstream", "port"]);
  }

  /** IP address and port of Envoy's end. */
  static localAddress(): TextAttribute {
    return new TextAttribute(["upstream", "local_address"]);
  }

  /** How many endpoints the cluster has. */
  static numEndpoints(): IntegerAttribute {
    return new IntegerAttribute(["upstream", "num_endpoints"]);
  }

  /** Such as `TLSv1.3`. */
  static tlsVersion(): TextAttribute {
    return new TextAttribute(["upstream", "tls_version"]);
  }

  /** Subject of the certificate of Envoy on this connection. */
  static subjectLocalCertificate(): TextAttribute {
    return new TextAttribute(["upstream", "subject_local_certificate"]);
  }

  /** Subject of the certificate of the upstream. */
  static subjectPeerCertificate(): TextAttribute {
    return new TextAttribute(["upstream", "subject_peer_certificate"]);
  }

  /** First DNS name in the certificate of Envoy. */
  static dnsSanLocalCertificate(): TextAttribute {
    return new TextAttribute(["upstream", "dns_san_local_certificate"]);
  }

  /** First DNS name in the certificate of the upstream. */
  static dnsSanPeerCertificate(): TextAttribute {
    return new TextAttribute(["upstream", "dns_san_peer_certificate"]);
  }

  /** First URI in the certificate of Envoy: its SPIFFE identity in a mesh. */
  static uriSanLocalCertificate(): TextAttribute {
    return new TextAttribute(["upstream", "uri_san_local_certificate"]);
  }

  /** First URI in the certificate of the upstream: its SPIFFE identity in a mesh. */
  static uriSanPeerCertificate(): TextAttribute {
    return new TextAttribute(["upstream", "uri_san_peer_certificate"]);
  }

  /** SHA-256 of the certificate of the upstream, in hexadecimal. */
  static sha256PeerCertificateDigest(): TextAttribute {
    return new TextAttribute(["upstream", "sha256_peer_certificate_digest"]);
  }

  /** Certificate of the upstream, in PEM. */
  static peerCertificate(): TextAttribute {
    return new TextAttribute(["upstream", "peer_certificate"]);
  }

  /** Why the connection or its TLS failed; empty if neither did. */
  static transportFailureReason(): TextAttribute {
    return new TextAttribute(["upstream", "transport_failure_reason"]);
  }

  /** How many attempts there were; 0 if the request never went upstream. */
  static requestAttemptCount(): IntegerAttribute {
    return new IntegerAttribute(["upstream", "request_attempt_count"]);
  }

  /** How long it took until a connection to the upstream was ready, in nanoseconds. */
  static cxPoolReadyDuration(): IntegerAttribute {
    return new IntegerAttribute(["upstream", "cx_pool_ready_duration"]);
  }

  /** Region of the upstream host. */
  static region(): TextAttribute {
    return new TextAttribute(["upstream", "locality", "region"]);
  }

  /** Zone of the upstream host. */
  static zone(): TextAttribute {
    return new TextAttribute(["upstream", "locality", "zone"]);
  }

  /** Sub-zone of the upstream host. */
  static subZone(): TextAttribute {
    return new TextAttribute(["upstream", "locality", "sub_zone"]);
  }
}
