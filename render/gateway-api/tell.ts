// What a mesh file has and Gateway API or Envoy Gateway has no word for.

import { byChain } from "../../compose/chains.js";
import type { FilterUse } from "../../compose/filter-use.js";
import type { MeshUse } from "../../compose/mesh/filter-routes.js";
import { isNative, nativeOf } from "../../compose/native-filters.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { type MeshInput, type PlacedUse, usePlaces } from "../input.js";
import { Told } from "../istio/told.js";
import { nameProblem } from "../names.js";
import type { GatewayOptions } from "./options.js";
import { urlOf } from "./routes.js";

const WHO = "Gateway API";

/** @param placed the filters of the gateway, which the output has */
export function tellMesh(
  input: MeshInput,
  placed: readonly FilterUse[],
  { leaveOut }: GatewayOptions,
): readonly string[] {
  const { mesh } = input;
  const told = new Told(input.placeOf, WHO);
  const places = usePlaces(input);
  for (const [use, path] of places) {
    if (isNative(use)) {
      told.refuse([...path, "config", "name"], `${nativeOf(use).name} is one of Envoy's own filters`);
    } else if ((use as MeshUse).routes !== undefined) {
      told.refuse([...path, "routes"], `a policy runs ${use.filter} on the whole of an HTTPRoute`);
    } else {
      tellUse(told, use, path, placed);
    }
  }
  for (const [service, { versions, retries }] of Object.entries(mesh.services)) {
    const path = ["services", service];
    const isRouted = mesh.gateway.routes.some((route) => route.service === service);
    if (!isRouted) continue;
    tellNames(told, service, Object.keys(versions), path);
    if (retries !== undefined) {
      told.refuse(
        [...path, "retries"],
        "retries are a BackendTrafficPolicy of Envoy Gateway; write one of your own",
      );
    }
    for (const version of Object.keys(versions)) {
      const { tls, address = "" } = urlOf(mesh, service, version) ?? {};
      const place = [...path, "versions", version, "url"];
      if (tls) told.refuse(place, "TLS to a backend is a BackendTLSPolicy; write one of your own");
      if (/^(127\.|::1$|localhost$)/.test(address)) {
        told.refuse(place, "a gateway in a cluster cannot reach an address of this machine");
      }
    }
  }
  return told.lines(leaveOut);
}

function tellNames(told: Told, service: string, versions: readonly string[], path: readonly string[]): void {
  const problem = nameProblem(service);
  if (problem !== undefined) told.invalid(path, problem);
  for (const version of versions) {
    const wrong = nameProblem(version);
    if (wrong !== undefined) told.invalid([...path, "versions", version], wrong);
  }
}

function tellUse(
  told: Told,
  use: FilterUse,
  path: readonly PropertyKey[],
  placed: readonly FilterUse[],
): void {
  if (!placed.some(({ filter, config }) => filter === use.filter && config === use.config)) {
    told.warn(path, `${use.filter} stands in sidecars, and ${WHO} has none; render istio writes it`);
    return;
  }
  if (byChain([use]).upstream.length > 0) {
    told.refuse(
      path,
      `${use.filter} sees each attempt, in a cluster's chain, which Envoy Gateway does not have`,
    );
  }
  const called = calledBy(use);
  if (called !== undefined) {
    told.refuse(
      path,
      `${use.filter} calls the service "${called}", and Envoy Gateway has no cluster of that name`,
    );
  }
}

function calledBy({ descriptor, config }: FilterUse): string | undefined {
  return [...(descriptor.grpcServices?.(config) ?? []), ...(descriptor.httpServices?.(config) ?? [])][0]
    ?.name;
}

/** The same for filters' own files. @throws MeshwrightError `configuration` with the first */
export function refuseUses(uses: readonly PlacedUse[]): void {
  for (const use of uses) {
    const called = calledBy(use);
    const why =
      use.paths !== undefined
        ? "runs on some paths, and a policy runs it on the whole of an HTTPRoute; name one with --route"
        : byChain([use]).upstream.length > 0
          ? "sees each attempt, in a cluster's chain, which Envoy Gateway does not have"
          : called === undefined
            ? undefined
            : `calls the service "${called}", and Envoy Gateway has no cluster of that name`;
    if (why !== undefined) {
      throw new MeshwrightError("configuration", `${use.placeOf([])}: ${use.filter} ${why}`);
    }
  }
}
