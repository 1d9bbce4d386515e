// Attributes of the connection that the client made. Call each once, at the top level, and keep
// what it returns: a module holds only the attributes that it names.

import { Bytes } from "../../text/bytes";
import { FlagAttribute, IntegerAttribute, TextAttribute } from "./types";

/** `source.*`: the client's end. */
@final
export class SourceAttributes {
  /**
   * IP address and port, such as `192.0.2.1:4711` or `[2001:db8::1]:4711`. It follows
   * `x-forwarded-for` as far as the listener trusts that header.
   */
  static address(): TextAttribute {
    return new TextAttribute(["source", "address"]);
  }

  /** Port, without the address. */
  static port(): IntegerAttribute {
    return new IntegerAttribute(["source", "port"]);
  }
}

/** `destination.*`: Envoy's end. */
@final
export class DestinationAttributes {
  /** IP address and port that the client connected to. */
  static address(): TextAttribute {
    return new TextAttribute(["destination", "address"]);
  }

  /** Port, without the address. */
  static port(): IntegerAttribute {
    return new IntegerAttribute(["destination", "port"]);
  }
}

/** `connection.*` */
@final
export class ConnectionAttributes {
  /** Envoy's number of the connection. */
  static id(): IntegerAttribute {
    return new IntegerAttribute(["connection", "id"]);
  }

  /**
   * Whether the connection is TLS and the client has shown a certificate. The listener's validation
   * context decides whether the certificate was checked.
   */
  static mtls(): FlagAttribute {
    return new FlagAttribute(["connection", "mtls"]);
  }

  /**
   * The name that the client asked for (SNI); empty unless the listener has the filter
   * `envoy.filters.listener.tls_inspector`.
   */
  static requestedServerName(): TextAttribute {
    return new TextAttribute(["connection", "requested_server_name"]);
  }

  /** Such as `TLSv1.3`. */
  static tlsVersion(): TextAttribute {
    return new TextAttribute(["connection", "tls_version"]);
  }

  /** Subject of the certificate of Envoy on this connection. */
  static subjectLocalCertificate(): TextAttribute {
    return new TextAttribute(["connection", "subject_local_certificate"]);
  }

  /** Subject of the certificate of the client. */
  static subjectPeerCertificate(): TextAttribute {
    return new TextAttribute(["connection", "subject_peer_certificate"]);
  }

  /** First DNS name in the certificate of Envoy. */
  static dnsSanLocalCertificate(): TextAttribute {
    return new TextAttribute(["connection", "dns_san_local_certificate"]);
  }

  /** First DNS name in the certificate of the client. */
  static dnsSanPeerCertificate(): TextAttribute {
    return new TextAttribute(["connection", "dns_san_peer_certificate"]);
  }

  /** First URI in the certificate of Envoy: its SPIFFE identity in a mesh. */
  static uriSanLocalCertificate(): TextAttribute {
    return new TextAttribute(["connection", "uri_san_local_certificate"]);
  }

  /** First URI in the certificate of the client: its SPIFFE identity in a mesh. */
  static uriSanPeerCertificate(): TextAttribute {
    return new TextAttribute(["connection", "uri_san_peer_certificate"]);
  }

  /** SHA-256 of the certificate of the client, in hexadecimal. */
  static sha256PeerCertificateDigest(): TextAttribute {
    return new TextAttribute(["connection", "sha256_peer_certificate_digest"]);
  }

  /** Certificate of the client, in PEM. */
  static peerCertificate(): TextAttribute {
    return new TextAttribute(["connection", "peer_certificate"]);
  }

  /** Why TLS with the client failed. */
  static transportFailureReason(): TextAttribute {
    return new TextAttribute(["connection", "transport_failure_reason"]);
  }

  /** Why Envoy ended the connection. */
  static terminationDetails(): TextAttribute {
    return new TextAttribute(["connection", "termination_details"]);
  }
}

/**
 * Who the client is in the mesh: the SPIFFE identity in its certificate, such as
 * `spiffe://cluster.local/ns/default/sa/orders`. Trust it only if the listener's validation context
 * checks certificates.
 */
@final
export class PeerPrincipal {
  private readonly uri: TextAttribute = ConnectionAttributes.uriSanPeerCertificate();
  private readonly scheme: Bytes = Bytes.of("spiffe://");

  /**
   * The identity, or `null` if the client has shown none. Valid until the callback ends. One host
   * call.
   */
  read(): Bytes | null {
    const uri = this.uri.read();
    return uri && uri.startsWith(this.scheme) ? uri : null;
  }
}
