// What a mesh file has and Gateway API or Envoy Gateway has no word for.

import { byChain } from "../../compose/chains.js";
import { type FilterUse, isSameEntry } from "../../compose/filter-use.js";
import type { MeshUse } from "../../compose/mesh/filter-routes.js";
import { policyShape } from "../../compose/mesh/policy/shape.js";
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
    } else {
      tellUse(told, use, path, placed);
    }
  }
  tellPaths(told, mesh, [...places.keys()]);
  for (const [service, settings] of Object.entries(mesh.services)) {
    const { versions, retries } = settings;
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
    for (const key of Object.keys(policyShape) as readonly (keyof typeof policyShape)[]) {
      if (settings[key] === undefined) continue;
      const word = key === "mirror" ? "a RequestMirror filter of the HTTPRoute" : "a BackendTrafficPolicy";
      told.refuse([...path, key], `${key} is ${word}; write one of your own`);
    }
    for (const version of Object.keys(versions)) {
      if ("urls" in (versions[version] ?? {}))
        told.refuse(
          [...path, "versions", version, "urls"],
          "is rendered with one url; write a Backend of your own",
        );
      const { tls, address = "" } = urlOf(mesh, service, version) ?? {};
      const place = [...path, "versions", version, "url"];
      if (tls) told.refuse(place, "TLS to a backend is a BackendTLSPolicy; write one of your own");
      if (/^(127\.|::1$|localhost$)/.test(address)) {
        told.refuse(place, "a gateway in a cluster cannot reach an address of this machine");
      }
    }
  }
  for (const [i, { timeout }] of mesh.gateway.routes.entries()) {
    if (timeout === undefined) continue;
    told.refuse(
      ["gateway", "routes", i, "timeout"],
      "an HTTPRoute gets its service's timeout; write it there",
    );
  }
  if (mesh.egress !== undefined)
    told.warn(["egress"], `is for what apps reach outside, and ${WHO} is for what reaches them`);
  return told.lines(leaveOut);
}

/** Prefixes of Gateway API are whole segments. */
function tellPaths(told: Told, { gateway: { routes } }: MeshInput["mesh"], uses: readonly MeshUse[]): void {
  const prefixes = [...routes, ...uses.flatMap((use) => use.routes ?? [])].flatMap(
    ({ prefix = "/" }) => prefix,
  );
  const inSegments = [...new Set(prefixes)].filter((prefix) => !prefix.endsWith("/"));
  const [first] = inSegments;
  if (first === undefined) return;
  told.warnOfAll(
    `a PathPrefix of ${WHO} ends with a segment: ${first} is not ${first}s there, as it is in a mesh file${inSegments.length === 1 ? "" : `, and so on for ${inSegments.slice(1).join(", ")}`}`,
  );
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
  if (!placed.some((each) => isSameEntry(each, use))) {
    told.warn(path, `${use.filter} stands in sidecars, and ${WHO} has none; render istio writes it`);
    return;
  }
  if (byChain([use]).upstream.length > 0) {
    told.refuse(
      path,
      `${use.filter} sees each attempt, in a cluster's chain, which Envoy Gateway does not have`,
    );
  }
  const mirror = use.descriptor.mirrors?.(use.config)[0]?.name;
  if (mirror !== undefined) {
    told.refuse(
      path,
      `${use.filter} sends copies to "${mirror}", which is a RequestMirror filter of the HTTPRoute; write one of your own`,
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
        ? "runs on some paths, and a policy knows an HTTPRoute's rules by their names; say which with --route NAME/RULE"
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
