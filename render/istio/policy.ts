// The traffic policy of a service in Istio's words: the `trafficPolicy` of its DestinationRule, and
// what its routes have of it.

import { isDeepStrictEqual } from "node:util";
import { hashPolicies } from "../../compose/mesh/policy/load-balancer.js";
import { mirrorTarget } from "../../compose/mesh/policy/mirror.js";
import { OUTLIER_DEFAULTS } from "../../compose/mesh/policy/outlier-detection.js";
import type { MeshService } from "../../compose/mesh/shape.js";
import type { Json } from "../../envoy/config/json.js";
import type { IstioContext } from "./context.js";
import { destinationOf } from "./versions.js";

type Fields = Readonly<Record<string, Json>>;

/** The first release whose retries have `backoff` and `retryIgnorePreviousHosts` for certain. */
export const RETRY_WORDS_MINOR = 30;

const SIMPLE = { roundRobin: "ROUND_ROBIN", leastRequest: "LEAST_REQUEST", random: "RANDOM" } as const;

/** Undefined where the file says nothing of it. */
export function trafficPolicy(service: MeshService | undefined): Fields | undefined {
  const { outlierDetection, connectionPool, loadBalancer } = service ?? {};
  const policy = {
    ...(outlierDetection === undefined ? {} : { outlierDetection: outliers(outlierDetection) }),
    ...(connectionPool === undefined ? {} : pool(connectionPool)),
    ...(loadBalancer === undefined ? {} : { loadBalancer: balancer(loadBalancer) }),
  };
  return Object.keys(policy).length === 0 ? undefined : policy;
}

function given(fields: Readonly<Record<string, Json | undefined>>): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}

function outliers(policy: NonNullable<MeshService["outlierDetection"]>): Fields {
  const { consecutiveGatewayErrors: gateway = 0 } = policy;
  return given({
    consecutive5xxErrors: policy.consecutive5xxErrors ?? OUTLIER_DEFAULTS.consecutive5xxErrors,
    consecutiveGatewayErrors: gateway === 0 ? undefined : gateway,
    interval: policy.interval ?? OUTLIER_DEFAULTS.interval,
    baseEjectionTime: policy.baseEjectionTime ?? OUTLIER_DEFAULTS.baseEjectionTime,
    maxEjectionPercent: policy.maxEjectionPercent ?? OUTLIER_DEFAULTS.maxEjectionPercent,
  });
}

function pool(policy: NonNullable<MeshService["connectionPool"]>): Fields {
  const tcp = given({ maxConnections: policy.maxConnections, connectTimeout: policy.connectTimeout });
  const http = given({
    http1MaxPendingRequests: policy.maxPendingRequests,
    http2MaxRequests: policy.maxRequests,
    maxRetries: policy.maxRetries,
    maxRequestsPerConnection: policy.maxRequestsPerConnection,
    idleTimeout: policy.idleTimeout,
  });
  const parts = Object.entries({ tcp, http }).filter(([, fields]) => Object.keys(fields).length > 0);
  return parts.length === 0 ? {} : { connectionPool: Object.fromEntries(parts) };
}

function balancer(policy: NonNullable<MeshService["loadBalancer"]>): Fields {
  const { policy: chosen = "roundRobin", slowStart, zones } = policy;
  return given({
    ...(chosen === "ringHash" || chosen === "maglev"
      ? { consistentHash: consistentHash(policy) }
      : { simple: SIMPLE[chosen] }),
    warmup: slowStart === undefined ? undefined : { duration: slowStart },
    localityLbSetting: zones === undefined ? undefined : localities(zones),
  });
}

function consistentHash(policy: NonNullable<MeshService["loadBalancer"]>): Fields {
  const [first] = hashPolicies(policy);
  const key = first ?? { connection_properties: { source_ip: true } };
  const { minimumRingSize, tableSize } = policy;
  return given({
    ...("header" in key ? { httpHeaderName: key.header.header_name } : {}),
    ...("cookie" in key ? { httpCookie: given({ ...key.cookie }) } : {}),
    ...("connection_properties" in key ? { useSourceIp: true } : {}),
    ringHash: policy.policy === "ringHash" ? given({ minimumRingSize }) : undefined,
    maglev: policy.policy === "maglev" ? given({ tableSize }) : undefined,
  });
}

/** Istio prefers the caller's locality wherever nothing distributes otherwise. */
function localities({ distribute }: NonNullable<NonNullable<MeshService["loadBalancer"]>["zones"]>): Fields {
  const shares = distribute?.map(({ from, to }) => ({
    from: from === undefined ? "*" : localityOf(from),
    to: Object.fromEntries(Object.entries(to).map(([zone, share]) => [localityOf(zone), share])),
  }));
  return given({ enabled: true, distribute: shares });
}

function localityOf(zone: string): string {
  return `${zone}/*`;
}

/** What a route to a version has of the policy beside its time and its retries. */
export function mirrorOf(
  context: IstioContext,
  service: string,
  version: string,
  where: "mesh" | "gateway",
): Fields {
  const { services } = context.mesh;
  const target = mirrorTarget(services, service);
  if (target === undefined || (target.service === service && target.version === version)) return {};
  return {
    mirror: destinationOf(context, target.service, target.version, where),
    mirrorPercentage: { value: services[service]?.mirror?.percentage ?? 100 },
  };
}

/**
 * What a route has that sends a copy to the version that a filter names, beside that of the
 * service's own mirror.
 */
export function copiesTo(
  context: IstioContext,
  service: string,
  mirror: string,
  where: "mesh" | "gateway",
  { mirror: own, mirrorPercentage: percentage }: Fields,
): Fields {
  const target = destinationOf(context, service, mirror, where);
  const others =
    own === undefined || percentage === undefined || isDeepStrictEqual(own, target)
      ? []
      : [{ destination: own, percentage }];
  return { mirrors: [...others, { destination: target, percentage: { value: 100 } }] };
}

/** The waits of retries, and where they go, for the releases that have words for it. */
export function retryWords(minor: number | undefined, retries: NonNullable<MeshService["retries"]>): Fields {
  if (minor === undefined || minor < RETRY_WORDS_MINOR) return {};
  return given({
    backoff: retries.backOff?.base,
    retryIgnorePreviousHosts: retries.avoidPreviousHosts === false ? false : undefined,
  });
}
