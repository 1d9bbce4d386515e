// What the traffic policy of a service means for routes and listeners.

import { healthAnswer } from "../../../envoy/config/health-check.js";
import type { HttpFilter } from "../../../envoy/config/http-filter.js";
import type { RouteActionOptions } from "../../../envoy/config/route.js";
import { APP_CLUSTER } from "../names.js";
import type { Mesh } from "../shape.js";
import type { Hop, MeshEnvoy } from "../topology.js";
import { HEALTH_PATH } from "./health-checks.js";
import { hashPolicies } from "./load-balancer.js";
import { mirrorTarget } from "./mirror.js";

/** The routes by which a service is called. */
export function callerRoute(mesh: Mesh, service: string): RouteActionOptions {
  const { loadBalancer, mirror } = mesh.services[service] ?? {};
  const hashPolicy = loadBalancer === undefined ? [] : hashPolicies(loadBalancer);
  const target = mirrorTarget(mesh.services, service);
  return {
    ...(hashPolicy.length === 0 ? {} : { hashPolicy }),
    ...(target === undefined
      ? {}
      : { mirror: { cluster: target.cluster, percentage: mirror?.percentage ?? 100 } }),
  };
}

/** The filter by which a sidecar answers for its app, before all others of its inbound listener. */
export function healthFilters(mesh: Mesh, { app }: MeshEnvoy, { target }: Hop): readonly HttpFilter[] {
  if (target.kind !== "app" || app === undefined) return [];
  if (mesh.services[app.service]?.healthChecks === undefined) return [];
  return [healthAnswer({ path: HEALTH_PATH, cluster: APP_CLUSTER })];
}
