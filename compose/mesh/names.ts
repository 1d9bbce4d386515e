// What the parts of a mesh are called in Envoy, in files and in logs. The names that a person gives
// have no "_" in them: what is joined by it cannot be taken for anything else, neither for another
// pair (`a-b` and `c`, `a` and `b-c`) nor for a name that stands alone.

/** A name that a person may give: to the mesh, a service, a version or a gRPC service. */
export const NAME = /^[a-z][a-z0-9-]{0,40}$/;

/** The Envoy through which requests come in. */
export const GATEWAY = "gateway";

/** A sidecar's cluster for the app that it stands before. */
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
 * The filter at that place of a listener's filters.
 * @param index from 0
 */
export function filterName(hop: string, index: number, filter: string): string {
  return `${hop}_${index + 1}_${filter}`;
}
