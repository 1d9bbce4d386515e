// How the services of a mesh and those of a compose project belong together.

import { composeVersions } from "../../mesh/compose-checks.js";
import { versionName } from "../../mesh/names.js";
import type { Mesh } from "../../mesh/shape.js";
import { linksOf, namesOf, networksOf, type UserProject } from "./user-project.js";

/** Whether a mesh is put around services of a compose project. */
export function isAround(mesh: Mesh): boolean {
  return composeVersions(mesh).length > 0;
}

/** The service of compose behind a version; undefined where the mesh starts or finds it itself. */
export function composeOf(mesh: Mesh, service: string, version: string): string | undefined {
  const how = mesh.services[service]?.versions[version];
  return how !== undefined && "compose" in how ? how.compose : undefined;
}

/** The pod of each service of compose that is in the mesh. */
export function podsByCompose(mesh: Mesh): ReadonlyMap<string, string> {
  return new Map(
    composeVersions(mesh).map(({ service, version, compose }) => [compose, versionName(service, version)]),
  );
}

/** The networks on which the pods of a mesh stand, each once. */
export function meshNetworks(mesh: Mesh, project: UserProject): readonly string[] {
  return [...new Set(composeVersions(mesh).flatMap(({ compose }) => networksOf(project, compose)))];
}

/**
 * The names by which an app calls a service of the mesh: the service's own, and those that compose
 * gives to its default version. Another version's own name leads to that version, as before.
 * @param caller the app's service of compose, which may know the called one by links too
 */
export function calledNames(
  mesh: Mesh,
  project: UserProject,
  called: string,
  caller: string | undefined,
): readonly string[] {
  const { versions = {}, default: chosen } = mesh.services[called] ?? {};
  const target = composeOf(mesh, called, chosen ?? Object.keys(versions)[0] ?? "");
  if (target === undefined) return [called];
  const links = caller === undefined ? [] : linksOf(project, caller);
  const linked = links.filter((link) => link.target === target).map(({ alias }) => alias);
  return [...new Set([called, ...namesOf(project, target), ...linked])];
}

/** Whether any network of the project has addresses of IPv6. */
export function usesIpv6({ networks = {} }: UserProject): boolean {
  return Object.values(networks).some((network) => network?.enable_ipv6 === true);
}
