// The names of a mesh's parts, made from those of compose, which allows more.

import { NAME } from "../mesh/names.js";

const MAX = 41;
/** The name of every container itself. */
const TAKEN = ["localhost"];

/** A name that a mesh file may have. */
export function meshName(name: string): string {
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replace(/^-+/, "");
  const begun = NAME.test(plain.slice(0, 1)) ? plain : `s-${plain}`;
  return begun.slice(0, MAX).replace(/-+$/, "");
}

/**
 * The name of each service in the mesh. Of services that would get the same, later ones get a
 * number.
 */
export function meshNames(services: readonly string[]): ReadonlyMap<string, string> {
  // Those that need no change keep their names, whatever stands before them.
  const kept = services.filter((service) => meshName(service) === service && !TAKEN.includes(service));
  const used = new Set([...TAKEN, ...kept]);
  const names = new Map<string, string>();
  for (const service of services) {
    if (kept.includes(service)) {
      names.set(service, service);
      continue;
    }
    const wanted = meshName(service);
    let name = wanted;
    for (let i = 2; used.has(name); i++) name = `${wanted.slice(0, MAX - String(i).length - 1)}-${i}`;
    used.add(name);
    names.set(service, name);
  }
  return names;
}
