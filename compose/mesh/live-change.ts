// What of an edited mesh file the running mesh can take without starting anything again. Pure.

import { checkMesh } from "./checks.js";
import { policyShape } from "./policy/shape.js";
import { isTcp } from "./protocols.js";
import type { Mesh, MeshService } from "./shape.js";

/** Keys of a service from which only clusters and routes are made. */
const LIVE_KEYS = [
  "timeout",
  "retries",
  "default",
  ...Object.keys(policyShape),
] as readonly (keyof MeshService)[];

/**
 * The running mesh with everything of the edited one that is only in clusters and routes. Services,
 * versions, filters and listeners stay as they run; `structuralChanges` names them.
 */
export function withLiveChanges(running: Mesh, edited: Mesh): Mesh {
  const services = Object.entries(running.services).map(([name, service]) => {
    const now = edited.services[name];
    return [name, now === undefined ? service : withKeys(service, now)] as const;
  });
  const changed = { ...running, services: Object.fromEntries(services) };
  const routed = new Set(running.gateway.routes.map(({ service }) => service));
  // A service that the gateway does not call yet has no listener there.
  const routes = edited.gateway.routes.every(({ service }) => routed.has(service))
    ? edited.gateway.routes
    : running.gateway.routes;
  const whole = { ...changed, gateway: { ...running.gateway, routes } };
  // Keys may name what the running mesh does not have, such as a new version.
  return [whole, changed].find((each) => checkMesh(each).length === 0) ?? running;
}

function withKeys(service: MeshService, edited: MeshService): MeshService {
  const kept = Object.entries(service).filter(([key]) => !LIVE_KEYS.includes(key as keyof MeshService));
  const live = Object.entries(edited).filter(([key]) => LIVE_KEYS.includes(key as keyof MeshService));
  const all = Object.fromEntries([...kept, ...live]) as MeshService;
  // A listener of connections leads to one version, without routes.
  const merged = isTcp(service) ? { ...all, default: service.default } : all;
  // The filter by which a sidecar answers stands in a listener.
  const isAsked = (each: MeshService) => each.healthChecks !== undefined;
  return isAsked(service) === isAsked(edited) ? merged : { ...merged, healthChecks: service.healthChecks };
}
