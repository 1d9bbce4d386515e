// What the traffic policy of a service means for clusters: for those of its callers, and for its
// sidecars' own to the app.

import type { ClusterOptions } from "../../../envoy/config/cluster.js";
import type { Endpoint } from "../../../envoy/config/endpoints.js";
import { MAX_RETRIES } from "../../upstream-cluster.js";
import { speaksHttp2 } from "../protocols.js";
import type { Mesh } from "../shape.js";
import { connectionPoolOptions } from "./connection-pool.js";
import { appCheck, sidecarCheck } from "./health-checks.js";
import { loadBalancerOptions } from "./load-balancer.js";
import { outlierDetectionOptions } from "./outlier-detection.js";
import { placeFor, weighsZones } from "./zones.js";

/**
 * Only where no instance is healthy at all do all get requests: each of them may be well again. At
 * Envoy's own 50 % the instances of a zone that is down would get their part again.
 */
const PANIC_THRESHOLD = 1;

type Policy = Partial<ClusterOptions>;

/** An instance, and where its sidecar takes requests. */
export interface PlacedInstance {
  readonly address: string;
  readonly port: number;
  readonly zone?: string;
}

/** The cluster of one version, in an Envoy that calls it. @param zone the caller's */
export function callerPolicy(
  mesh: Mesh,
  name: string,
  instances: readonly PlacedInstance[],
  zone: string | undefined,
): Policy {
  const service = mesh.services[name];
  const { connectionPool, outlierDetection, loadBalancer = {}, healthChecks } = service ?? {};
  const { zones } = loadBalancer;
  const notices = outlierDetection !== undefined || healthChecks !== undefined;
  const balancer = {
    ...loadBalancerOptions(loadBalancer),
    // In a second an instance that is ejected could still fail many requests.
    ...(notices ? { panicThreshold: PANIC_THRESHOLD, updateMergeSeconds: 0 } : {}),
    ...(zones !== undefined && weighsZones(zones, zone) ? { weighsZones: true } : {}),
  };
  const protocol = speaksHttp2(service) ? "http2" : "http1";
  return {
    endpoints: instances.flatMap((instance) => endpointOf(instance, instances, loadBalancer.zones, zone)),
    ...connectionPoolOptions(connectionPool ?? {}, MAX_RETRIES),
    ...(Object.keys(balancer).length === 0 ? {} : { loadBalancer: balancer }),
    ...(outlierDetection === undefined
      ? {}
      : { outlierDetection: outlierDetectionOptions(outlierDetection) }),
    ...(healthChecks === undefined ? {} : { healthCheck: sidecarCheck(healthChecks, protocol) }),
  };
}

function endpointOf(
  { address, port, zone }: PlacedInstance,
  instances: readonly PlacedInstance[],
  zones: Parameters<typeof placeFor>[0] | undefined,
  caller: string | undefined,
): readonly Endpoint[] {
  if (zones === undefined || zone === undefined) return [{ address, port }];
  const place = placeFor(
    zones,
    caller,
    zone,
    instances.map((each) => each.zone),
  );
  return place === undefined ? [] : [{ address, port, place }];
}

/** A sidecar's cluster for its app. */
export function appPolicy(mesh: Mesh, name: string): Policy {
  const { healthChecks } = mesh.services[name] ?? {};
  if (healthChecks === undefined) return {};
  const protocol = speaksHttp2(mesh.services[name]) ? "http2" : "http1";
  return { healthCheck: appCheck(healthChecks, protocol) };
}
