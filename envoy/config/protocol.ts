// What Envoy speaks to the endpoints of a cluster.

/**
 * `http2` is HTTP/2 by prior knowledge, or by ALPN where there is TLS. `auto` is HTTP/2 where the
 * endpoint offers it by ALPN, else HTTP/1.1; it needs TLS.
 */
export type UpstreamProtocol = "http1" | "http2" | "auto";
