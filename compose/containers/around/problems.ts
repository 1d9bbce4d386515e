// What keeps a mesh from being put around a compose project, with its place in the mesh file.

import { listed, nearest, type Problem } from "../../../envoy/problems.js";
import { type ComposeVersion, composeVersions } from "../../mesh/compose-checks.js";
import { versionName } from "../../mesh/names.js";
import type { Mesh } from "../../mesh/shape.js";
import { appService, GUEST_NAMES, sidecarName } from "../part-names.js";
import { PORTS } from "../places.js";
import { composeOf, podsByCompose } from "./around.js";
import { networksOf, replicasOf, type UserProject } from "./user-project.js";

/** All problems; none where the mesh has no services of compose. */
export function aroundProblems(mesh: Mesh, project: UserProject): readonly Problem[] {
  const versions = composeVersions(mesh);
  const missing = versions.flatMap((each) => missingService(each, project));
  if (missing.length > 0) return missing;
  return [
    ...versions.flatMap((each) => networkModeProblems(each, project)),
    ...versions.flatMap((each) => portProblems(mesh, each)),
    ...nameProblems(mesh, project),
    ...clashes(mesh, project),
    ...callProblems(mesh, project),
  ];
}

/** What the mesh does other than compose alone would, as lines for a person. */
export function aroundNotes(mesh: Mesh, project: UserProject): readonly string[] {
  return composeVersions(mesh).flatMap(({ compose }) => {
    const replicas = replicasOf(project.services[compose] ?? {});
    return replicas > 1 ? [`${compose} runs once in the mesh, and not ${replicas} times`] : [];
  });
}

function pathOf({ service, version }: ComposeVersion): readonly string[] {
  return ["services", service, "versions", version, "compose"];
}

function missingService(each: ComposeVersion, { services }: UserProject): readonly Problem[] {
  if (Object.hasOwn(services, each.compose)) return [];
  const known = Object.keys(services);
  const near = nearest(each.compose, known);
  const help = near === undefined ? `there is ${listed(known)}` : `did you mean "${near}"?`;
  return [{ path: pathOf(each), reason: `compose has no service "${each.compose}"; ${help}` }];
}

/** The pod takes the service's place on its networks, so the service must have such a place. */
function networkModeProblems(each: ComposeVersion, { services }: UserProject): readonly Problem[] {
  const mode = services[each.compose]?.network_mode;
  if (mode === undefined) return [];
  const why =
    mode === "host"
      ? "it has the network of the machine, where a sidecar would meet the connections of everybody"
      : mode === "none"
        ? "it has no network"
        : "it has no network of its own";
  const reason = `${each.compose} has network_mode ${mode}: ${why}; leave network_mode out, or leave the service out of the mesh`;
  return [{ path: pathOf(each), reason }];
}

/** The ports that each sidecar takes in the namespace that it shares with the app. */
function portProblems(mesh: Mesh, { service }: ComposeVersion): readonly Problem[] {
  const { port, calls = [] } = mesh.services[service] ?? {};
  const taken = [PORTS.admin, PORTS.inbound, PORTS.status, ...calls.map((_, i) => PORTS.outbound + i)];
  if (port === undefined || !taken.includes(port)) return [];
  const reason = `${port} is a port of the sidecar beside the app; the app must listen on another`;
  return [{ path: ["services", service, "port"], reason }];
}

/** A service's name in the mesh must not be that of another service for its callers. */
function nameProblems(mesh: Mesh, { services }: UserProject): readonly Problem[] {
  return Object.entries(mesh.services).flatMap(([service, { versions }]) => {
    const isOther =
      Object.hasOwn(services, service) &&
      !Object.keys(versions).some((version) => composeOf(mesh, service, version) === service);
    if (!isOther || !isCalled(mesh, service)) return [];
    const reason = `is called by the name of another service of compose; give it a version with compose: ${service}, or another name`;
    return [{ path: ["services", service], reason }];
  });
}

function isCalled(mesh: Mesh, service: string): boolean {
  return Object.values(mesh.services).some(({ calls = [] }) => calls.includes(service));
}

/** The parts of the mesh are services of the project too. */
function clashes(mesh: Mesh, { services }: UserProject): readonly Problem[] {
  const known = (names: readonly string[]) => names.find((name) => Object.hasOwn(services, name));
  const pods = Object.entries(mesh.services).flatMap(([service, { versions }]) =>
    Object.keys(versions).flatMap((version) => {
      const name = versionName(service, version);
      const isOwn = composeOf(mesh, service, version) === undefined;
      const app = isOwn ? [appService({ name, start: true } as never) ?? ""] : [];
      const clash = known([name, sidecarName(name), ...app]);
      return clash === undefined ? [] : [{ path: ["services", service, "versions", version], clash }];
    }),
  );
  const once = known([GUEST_NAMES.gateway, GUEST_NAMES.modules]);
  return [
    ...pods.map(({ path, clash }) => ({
      path,
      reason: `compose has a service "${clash}", which is the name of a part of the mesh; give the version another name`,
    })),
    ...(once === undefined
      ? []
      : [
          {
            path: ["gateway"],
            reason: `compose has a service "${once}", which is the name of a part of the mesh; rename it`,
          },
        ]),
  ];
}

/** A sidecar reaches what its app could reach without the mesh, and no more. */
function callProblems(mesh: Mesh, project: UserProject): readonly Problem[] {
  const pods = podsByCompose(mesh);
  return composeVersions(mesh).flatMap(({ service, compose }) => {
    const own = new Set(networksOf(project, compose));
    return (mesh.services[service]?.calls ?? []).flatMap((called, i) => {
      const away = composeVersions(mesh).find(
        (each) =>
          each.service === called &&
          pods.has(each.compose) &&
          !networksOf(project, each.compose).some((network) => own.has(network)),
      );
      if (away === undefined) return [];
      const reason = `${compose} and ${away.compose} have no network of compose in common; give them one, or leave the call out`;
      return [{ path: ["services", service, "calls", i], reason }];
    });
  });
}
