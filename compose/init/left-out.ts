// Which services of a compose project cannot be in a mesh, and what a person should know of others.

import type { ProjectModel, ProjectService } from "../project/model.js";

/** Why a service cannot be in the mesh, and by which of its keys. */
export interface Obstacle {
  readonly reason: string;
  readonly key: string;
}

export function obstacleOf(name: string, service: ProjectService, model: ProjectModel): Obstacle | undefined {
  const { network_mode: mode, platform = "", isolation, provider } = service;
  if (mode !== undefined) return { reason: networkReason(mode), key: "network_mode" };
  if (/^windows\b/i.test(platform)) {
    return { reason: "runs on Windows, and its sidecar needs Linux", key: "platform" };
  }
  if (isolation !== undefined && isolation !== "" && isolation !== "default") {
    return { reason: "runs on Windows, and its sidecar needs Linux", key: "isolation" };
  }
  if (provider !== undefined) return { reason: "is no container: a provider makes it", key: "provider" };
  if (isJob(name, model)) {
    return {
      reason: "runs once: another service waits for its end (service_completed_successfully)",
      key: "",
    };
  }
  return undefined;
}

function networkReason(mode: string): string {
  switch (mode.split(":")[0]) {
    case "host":
      return "has the machine's network (network_mode: host), where nothing keeps its traffic apart; take networks and ports instead";
    case "none":
      return "has no network (network_mode: none)";
    case "service":
    case "container":
      return `shares the network of another container (network_mode: ${mode}), so that a sidecar cannot tell them apart`;
    default:
      return `has a network of the engine (network_mode: ${mode}) without names; take networks instead`;
  }
}

function isJob(name: string, { services }: ProjectModel): boolean {
  return Object.values(services).some(
    ({ depends_on = {} }) => depends_on[name]?.condition === "service_completed_successfully",
  );
}

/** What is different in the mesh, as sentences without their subject. */
export function notesOn(service: ProjectService): readonly string[] {
  const replicas = service.deploy?.replicas ?? service.scale ?? 1;
  return [
    ...(replicas > 1 ? [`asks for ${replicas} replicas, and runs once in the mesh`] : []),
    ...(service.privileged === true ? ["is privileged, and could go around its sidecar"] : []),
  ];
}
