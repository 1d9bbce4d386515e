// The parts of a mesh in containers, as a person knows them, and whether each is ready.

import { GATEWAY } from "../mesh/names.js";
import type { ComposeContainer } from "./compose-cli.js";
import { appService, envoyService, sidecarName } from "./part-names.js";
import type { ContainerPlan } from "./plan.js";

export interface ContainerPart {
  readonly what: string;
  /** Its compose service. */
  readonly service: string;
  /** For an app: the pod whose health says whether it takes connections. */
  readonly pod?: string;
  /** The compose services that share its network. */
  readonly joined?: readonly string[];
}

/** The pods of a plan. */
export function podsOf({ mesh }: ContainerPlan): readonly ContainerPart[] {
  return mesh.services.map((plan) => {
    const app = appService(plan);
    const joined = [sidecarName(plan.name), ...(app === undefined ? [] : [app])];
    return { what: `pod ${plan.name}`, service: plan.name, joined };
  });
}

/** The Envoys and the services of a plan. */
export function partsOf({ mesh, names }: ContainerPlan): readonly ContainerPart[] {
  return [
    { what: `Envoy ${GATEWAY}`, service: names.gateway },
    ...mesh.services.flatMap((plan) => {
      const app = appService(plan);
      const envoy = { what: `Envoy ${plan.name}`, service: envoyService(plan.name, names) };
      return app === undefined
        ? [envoy]
        : [envoy, { what: `service ${plan.name}`, service: app, pod: plan.name }];
    }),
  ];
}

/** The containers of a project by their services. */
export type Containers = ReadonlyMap<string, ComposeContainer>;

/**
 * Ready is an Envoy that serves, and an app that takes connections and is healthy by its own check.
 */
export function isReady({ service, pod }: ContainerPart, containers: Containers): boolean {
  const own = containers.get(service);
  if (pod === undefined) return own?.health === "healthy";
  const isWell = own?.state === "running" && (own.health === "" || own.health === "healthy");
  return isWell && containers.get(pod)?.health === "healthy";
}

/** Whether a part has ended that should not. */
export function hasEnded({ state }: ComposeContainer): boolean {
  return state === "exited" || state === "dead" || state === "restarting";
}
