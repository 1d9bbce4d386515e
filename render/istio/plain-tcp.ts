// Services that speak no HTTP: a cluster carries their connections as they are, and nothing is
// rendered for them.

import { isTcp } from "../../compose/mesh/protocols.js";
import type { Mesh } from "../../compose/mesh/shape.js";
import type { Told } from "./told.js";

/** The mesh without them, and without the calls of them. */
export function withoutTcp(mesh: Mesh): Mesh {
  const isHttp = (name: string) => !isTcp(mesh.services[name]);
  const services = Object.entries(mesh.services)
    .filter(([name]) => isHttp(name))
    .map(([name, service]) => [name, { ...service, calls: service.calls?.filter(isHttp) }] as const);
  return { ...mesh, services: Object.fromEntries(services) };
}

export function tellTcp(mesh: Mesh, told: Told): void {
  for (const [name, service] of Object.entries(mesh.services)) {
    if (!isTcp(service)) continue;
    told.warn(
      ["services", name, "protocol"],
      `nothing is rendered for ${name}, whose protocol is tcp: give the port of its Service a name that begins with tcp`,
    );
  }
}
