// What the parts of a mesh are called as services of a compose project.

import { GATEWAY } from "../mesh/names.js";
import type { ServicePlan } from "../mesh/plan-service.js";

/** The names of the parts that a mesh has once. */
export interface PartNames {
  readonly gateway: string;
  /** The compose service that looks whether the modules are there. */
  readonly modules: string;
}

/** In a project of the mesh's own. */
export const OWN_NAMES: PartNames = { gateway: GATEWAY, modules: "modules" };
/** Beside services of a person, who may have a gateway too. */
export const GUEST_NAMES: PartNames = { gateway: "meshwright-gateway", modules: "meshwright-modules" };

/** The compose service of a pod's Envoy. */
export function sidecarName(pod: string): string {
  return `${pod}-sidecar`;
}

/** The compose service of the app that a version's pod has; undefined where it has none. */
export function appService({ name, start, compose }: ServicePlan): string | undefined {
  return compose ?? (start === undefined ? undefined : `${name}-app`);
}

/** The compose service of an Envoy. */
export function envoyService(envoy: string, { gateway }: PartNames): string {
  return envoy === GATEWAY ? gateway : sidecarName(envoy);
}
