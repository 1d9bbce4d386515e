// How one listener takes connections of several kinds: with TLS or without, for one host or
// another. Each kind has a chain with a transport socket of its own, and all have the same filters.
import type { TransportSocket } from "./tls.js";
import { type TypedConfig, typedConfig } from "./typed-config.js";

/** One entry of a listener's network filters. */
export interface NetworkFilter {
  readonly name: string;
  readonly typed_config: TypedConfig;
}

/** A kind of connection. */
export interface ConnectionKind {
  /** Which connections it is. Default: all. */
  readonly match?: FilterChainMatch;
  /** Default: none, the bytes as they are. */
  readonly transportSocket?: TransportSocket;
}

/** The fields of Envoy's `FilterChainMatch`. */
export interface FilterChainMatch {
  /** The port that the client wanted, before the kernel redirected the connection. */
  readonly destination_port?: number;
  readonly transport_protocol?: "tls" | "raw_buffer";
  readonly server_names?: readonly string[];
}

export interface FilterChain {
  readonly filter_chain_match?: FilterChainMatch;
  readonly filters: readonly NetworkFilter[];
  readonly transport_socket?: TransportSocket;
}

export interface ListenerFilter {
  readonly name: string;
  readonly typed_config: TypedConfig;
}

/** The chains of a listener, and what it must know of a connection to choose one. */
export interface FilterChains {
  readonly listener_filters?: readonly ListenerFilter[];
  readonly filter_chains: readonly FilterChain[];
}

/** @param kinds the first that matches decides */
export function filterChains(
  filters: readonly NetworkFilter[],
  kinds: readonly ConnectionKind[] = [{}],
): FilterChains {
  const matches = kinds.flatMap(({ match }) => match ?? []);
  const inspectors = [
    ...(matches.some(({ destination_port: port }) => port !== undefined) ? [originalDestination()] : []),
    // It waits for the client's first bytes. A client of a server that speaks first sends none.
    ...(matches.some((match) => match.transport_protocol ?? match.server_names) ? [tlsInspector()] : []),
  ];
  return {
    ...(inspectors.length === 0 ? {} : { listener_filters: inspectors }),
    filter_chains: kinds.map(({ match, transportSocket }) => ({
      ...(match === undefined ? {} : { filter_chain_match: match }),
      filters,
      ...(transportSocket === undefined ? {} : { transport_socket: transportSocket }),
    })),
  };
}

/** It finds out whether a connection begins with TLS, and the name that the client asks for. */
function tlsInspector(): ListenerFilter {
  return {
    name: "envoy.filters.listener.tls_inspector",
    typed_config: typedConfig("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"),
  };
}

/** It asks the kernel where a redirected connection was going. */
function originalDestination(): ListenerFilter {
  return {
    name: "envoy.filters.listener.original_dst",
    typed_config: typedConfig("envoy.extensions.filters.listener.original_dst.v3.OriginalDst"),
  };
}
