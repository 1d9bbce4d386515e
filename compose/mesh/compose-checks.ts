// The rules for versions that are services of a compose project.

import type { Problem } from "../../envoy/problems.js";
import type { Mesh, MeshVersion } from "./shape.js";

/** A version of a mesh file that is a service of a compose project. */
export interface ComposeVersion {
  readonly service: string;
  readonly version: string;
  /** The name of the compose project's service. */
  readonly compose: string;
}

/** The versions of a mesh that are services of a compose project, in the file's order. */
export function composeVersions(mesh: Mesh): readonly ComposeVersion[] {
  return Object.entries(mesh.services).flatMap(([service, { versions }]) =>
    Object.entries(versions).flatMap(([version, how]) =>
      isOfCompose(how) ? [{ service, version, compose: how.compose }] : [],
    ),
  );
}

function isOfCompose(how: MeshVersion): how is Extract<MeshVersion, { compose: string }> {
  return "compose" in how;
}

export function composeProblems(mesh: Mesh): readonly Problem[] {
  const versions = composeVersions(mesh);
  return [...portProblems(mesh, versions), ...twice(versions)];
}

/** Only a service that nobody calls needs no port. */
function portProblems(mesh: Mesh, versions: readonly ComposeVersion[]): readonly Problem[] {
  const without = (name: string) =>
    Object.hasOwn(mesh.services, name) &&
    mesh.services[name]?.port === undefined &&
    versions.some(({ service }) => service === name);
  const needed = new Map<string, string>();
  for (const { service } of mesh.gateway.routes) if (without(service)) needed.set(service, "the gateway");
  for (const [caller, { calls = [] }] of Object.entries(mesh.services)) {
    for (const called of calls) {
      if (without(called) && !needed.has(called)) needed.set(called, caller);
    }
  }
  return [...needed].map(([service, caller]) => ({
    path: ["services", service],
    reason: `needs the port on which its app listens, because ${caller} calls it: port: 8080`,
  }));
}

function twice(versions: readonly ComposeVersion[]): readonly Problem[] {
  const firsts = new Map<string, ComposeVersion>();
  return versions.flatMap((each) => {
    const first = firsts.get(each.compose);
    firsts.set(each.compose, first ?? each);
    if (first === undefined) return [];
    return [
      {
        path: ["services", each.service, "versions", each.version, "compose"],
        reason: `is version ${first.version} of ${first.service} already; one service of compose is one version`,
      },
    ];
  });
}

/** What keeps the mesh from running as processes. */
export function needsContainers(mesh: Mesh): readonly Problem[] {
  return composeVersions(mesh).map(({ service, version, compose }) => ({
    path: ["services", service, "versions", version, "compose"],
    reason: `${compose} is a service of compose, and runs in containers alone: start Docker, or give this version a command or a url`,
  }));
}
