// The names of a mesh's parts in Envoy, in files and in logs. A person's names contain no "_". Two
// of them joined by "_" therefore differ from every other pair (`a-b` and `c`, `a` and `b-c`) and
// from every single name.

/** A name that a person may give: to the mesh, a service, a version or a gRPC service. */
export const NAME = /^[a-z][a-z0-9-]{0,40}$/;

/** The Envoy through which requests enter the mesh. */
export const GATEWAY = "gateway";

/** A sidecar's cluster for its app. */
export const APP_CLUSTER = "app";

/** A version of a service, its sidecar, and the cluster that leads to that sidecar. */
export function versionName(service: string, version: string): string {
  return `${service}_${version}`;
}

/**
 * The listener through which a service is called, and in the gateway the cluster that leads to that
 * listener.
 */
export function outboundName(service: string): string {
  return `outbound-${service}`;
}

/**
 * The name of the filter with this index in a listener's filters.
 * @param index from 0
 */
export function filterName(hop: string, index: number, filter: string): string {
  return `${hop}_${index + 1}_${filter}`;
}
