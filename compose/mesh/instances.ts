// The instances of a version: each is an app with a sidecar of its own.

import { versionName } from "./names.js";
import type { Mesh, MeshVersion } from "./shape.js";

/** One instance of a version of a service. */
export interface Instance {
  readonly service: string;
  readonly version: string;
  /** The name of its sidecar: that of the version, and from the second on with a number. */
  readonly name: string;
  /** From 1, within its version. */
  readonly number: number;
  readonly zone?: string;
  /** Where it already runs. */
  readonly url?: string;
}

/** The instances of a version, in the file's order. */
export function instancesOf(service: string, version: string, how: MeshVersion): readonly Instance[] {
  return placesOf(how).map((place, i) => {
    const name = versionName(service, version);
    return { service, version, name: i === 0 ? name : `${name}_${i + 1}`, number: i + 1, ...place };
  });
}

function placesOf(how: MeshVersion): readonly Pick<Instance, "zone" | "url">[] {
  if ("url" in how) return [{ url: how.url }];
  if ("urls" in how) {
    return how.urls.map((entry) => {
      if (typeof entry === "string") return { url: entry };
      return { url: entry.url, ...(entry.zone === undefined ? {} : { zone: entry.zone }) };
    });
  }
  if ("compose" in how) return [{}];
  const { instances = 1 } = how;
  if (typeof instances === "number") return Array.from({ length: instances }, () => ({}));
  return instances.flatMap(({ zone, count = 1 }) => Array.from({ length: count }, () => ({ zone })));
}

/** Every instance of the mesh, in the file's order. */
export function allInstances(mesh: Mesh): readonly Instance[] {
  return Object.entries(mesh.services).flatMap(([service, { versions }]) =>
    Object.entries(versions).flatMap(([version, how]) => instancesOf(service, version, how)),
  );
}

/** The addresses of a version that runs by itself; empty for one that this mesh starts. */
export function urlsOf(how: MeshVersion): readonly string[] {
  return placesOf(how).flatMap(({ url }) => url ?? []);
}
