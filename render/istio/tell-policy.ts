// What of a service's traffic policy Istio has no word for.

import { urlsOf } from "../../compose/mesh/instances.js";
import type { MeshService } from "../../compose/mesh/shape.js";
import type { IstioContext } from "./context.js";
import { placeOfUrl } from "./hosts.js";
import { RETRY_WORDS_MINOR } from "./policy.js";

type Tell = (path: readonly PropertyKey[], text: string) => void;

export function tellPolicy({ mesh, options, told }: IstioContext): void {
  for (const [name, service] of Object.entries(mesh.services)) {
    const refuse: Tell = (path, text) => told.refuse(["services", name, ...path], text);
    const warn: Tell = (path, text) => told.warn(["services", name, ...path], text);
    tellRetryWords(service, options.minor, refuse, warn);
    tellPool(service, refuse);
    tellBalancer(service, refuse);
    if (service.outlierDetection?.maxEjectionTime !== undefined)
      refuse(["outlierDetection", "maxEjectionTime"], "Istio has Envoy's own 5m, and no word for another");
    if (service.healthChecks !== undefined)
      warn(["healthChecks"], "is not used: Kubernetes asks pods itself; give them a readinessProbe");
    for (const [version, how] of Object.entries(service.versions)) {
      const path = ["versions", version];
      if ("command" in how && how.instances !== undefined)
        warn([...path, "instances"], "is not used: how many pods there are, and where, is the Deployment's");
      const isElsewhere = (url: string) => !placeOfUrl(url, `${name}-${version}`, options).isLocal;
      if ("urls" in how && urlsOf(how).some(isElsewhere))
        refuse(
          [...path, "urls"],
          "several addresses outside need a ServiceEntry of your own; one url is rendered",
        );
    }
  }
  if (mesh.gateway.zone !== undefined)
    told.warn(["gateway", "zone"], "is not used: in a cluster the zone is that of the node");
}

function tellRetryWords({ retries }: MeshService, minor: number | undefined, refuse: Tell, warn: Tell): void {
  if (retries === undefined) return;
  if (retries.retriableHeaders !== undefined)
    refuse(["retries", "retriableHeaders"], "Istio cannot name the headers of answers that are retried");
  if (retries.perTryIdleTimeout !== undefined)
    refuse(["retries", "perTryIdleTimeout"], "Istio has perTryTimeout alone");
  const isOld = minor === undefined || minor < RETRY_WORDS_MINOR;
  const advice = `is left out: Istio has a word for it from 1.${RETRY_WORDS_MINOR} on; say --istio 1.${RETRY_WORDS_MINOR} if yours is one of them`;
  if (isOld && retries.backOff?.base !== undefined) warn(["retries", "backOff", "base"], advice);
  if (isOld && retries.avoidPreviousHosts === false) warn(["retries", "avoidPreviousHosts"], advice);
  if (retries.backOff?.max !== undefined)
    warn(["retries", "backOff", "max"], "is left out: Istio bounds waits by ten times the base");
}

function tellPool({ connectionPool = {} }: MeshService, refuse: Tell): void {
  const at = (key: string) => ["connectionPool", key];
  if (connectionPool.maxConnectionsPerHost !== undefined)
    refuse(at("maxConnectionsPerHost"), "Istio limits the connections to all instances together");
  for (const key of ["maxPendingRequests", "maxRetries"] as const) {
    if (connectionPool[key] === 0) refuse(at(key), "Istio takes 0 for its default; write 1, or leave it out");
  }
  if (connectionPool.idleTimeout !== undefined && /^0/.test(connectionPool.idleTimeout))
    refuse(at("idleTimeout"), "Istio takes no idle timeout without an end; write a long one");
}

function tellBalancer({ loadBalancer = {} }: MeshService, refuse: Tell): void {
  const at = (...keys: readonly PropertyKey[]) => ["loadBalancer", ...keys];
  for (const key of ["choiceCount", "maximumRingSize"] as const) {
    if (loadBalancer[key] !== undefined) refuse(at(key), "Istio has Envoy's own, and no word for another");
  }
  if ((loadBalancer.hashPolicy?.length ?? 0) > 1)
    refuse(at("hashPolicy", 1), "Istio hashes one part of a request; keep one");
  for (const [i, { from, to }] of (loadBalancer.zones?.distribute ?? []).entries()) {
    const bare = [...(from === undefined ? [] : [from]), ...Object.keys(to)].find(
      (zone) => !zone.includes("/"),
    );
    if (bare === undefined) continue;
    const text = `Istio needs the region of zone "${bare}": write REGION/${bare}`;
    refuse(at("zones", "distribute", i), text);
  }
}
