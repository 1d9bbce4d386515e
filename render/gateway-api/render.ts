// From a mesh file or filters' files to resources of Gateway API and Envoy Gateway.

import { byChain } from "../../compose/chains.js";
import { choosesDestinations, destinationHeader } from "../../compose/destinations.js";
import { type FilterUse, isSameEntry } from "../../compose/filter-use.js";
import { type Hop, meshEnvoys } from "../../compose/mesh/topology.js";
import { isNative } from "../../compose/native-filters.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { type ImageWords, imageWarnings } from "../images.js";
import { entryPaths, type FiltersInput, filterNames, type Images, type MeshInput } from "../input.js";
import { resourceNames } from "../names.js";
import { readSource } from "../render.js";
import type { Rendered, Resource } from "../resource.js";
import type { GatewayOptions } from "./options.js";
import { type RoutePart, routeParts } from "./parts.js";
import { policyResource } from "./policy.js";
import { backendResource, gatewayResource, routeResource, ruleNames, type VersionName } from "./routes.js";
import { refuseUses, tellMesh } from "./tell.js";

export interface RenderGatewayWords {
  readonly images: ImageWords;
  readonly gateway: GatewayOptions;
  readonly onProgress: (line: string) => void;
}

/** Reads the files of a command line. @throws MeshwrightError, as `readSource` and renderers do */
export async function renderGatewayFiles(
  files: readonly string[],
  { images: said, gateway: options, onProgress }: RenderGatewayWords,
): Promise<Rendered> {
  // Envoy Gateway hands the settings on as the API server keeps them: as JSON, an empty object too.
  const configurationText = ({ config }: FilterUse) => JSON.stringify(config);
  const { input, images } = await readSource(files, { images: said, onProgress, configurationText });
  const { resources, warnings } =
    input.kind === "mesh" ? meshResources(input, images, options) : policyOfFiles(input, images, options);
  return { resources, warnings: [...imageWarnings(said, filterNames(input)), ...warnings] };
}

function policyOfFiles({ uses }: FiltersInput, images: Images, options: GatewayOptions): Rendered {
  const { gateway, routes } = options;
  if (gateway === undefined && routes.length === 0) {
    throw new MeshwrightError(
      "usage",
      "say what the filters stand before: --gateway NAME, or --route NAME of an HTTPRoute",
    );
  }
  refuseUses(uses);
  const targets =
    routes.length > 0
      ? routes.map(({ name, rule }) => ({ kind: "HTTPRoute" as const, name, sectionName: rule }))
      : [{ kind: "Gateway" as const, name: gateway ?? "" }];
  const name = resourceNames([[targets[0]?.name ?? "", "filters"]])[0] ?? "";
  const placeOf = (use: FilterUse) => uses.find((each) => each === use)?.placeOf([]) ?? "";
  const policy = { name, targets, uses, images, labels: labelsOf(targets[0]?.name ?? ""), placeOf };
  const header = destinationHeader(uses);
  return {
    resources: [policyResource(policy, options)],
    warnings:
      header === undefined
        ? []
        : [`the routes are yours: a rule of the HTTPRoute for each version matches the header ${header}`],
  };
}

/** A service at the gateway, and all that requests to it pass there. */
interface RoutedService {
  readonly service: string;
  readonly parts: readonly RoutePart[];
}

function meshResources(input: MeshInput, images: Images, options: GatewayOptions): Rendered {
  const { mesh } = input;
  const [{ hops } = { hops: [] }] = meshEnvoys(mesh);
  const [door, ...outbound] = hops as readonly [Hop, ...Hop[]];
  const warnings = tellMesh(
    input,
    hops.flatMap(({ filters }) => filters),
    options,
  );
  const own = (uses: readonly FilterUse[]) =>
    byChain(uses).downstream.filter((use) => !isNative(use) && !isLeftOut(use));
  const allPrefixes = mesh.gateway.routes.map(({ prefix }) => prefix);
  const services = outbound.flatMap((hop): RoutedService[] => {
    if (hop.target.kind !== "service") return [];
    const { service } = hop.target;
    const prefixes = mesh.gateway.routes
      .filter((route) => route.service === service)
      .map(({ prefix }) => prefix);
    const atTheDoor = own(door.filters);
    // A gateway has one chain, where `up` has two listeners: a filter of the whole mesh is in it
    // once.
    const behind = own(hop.filters).filter((use) => !(isMeshWide(use, mesh) && atTheDoor.some(isSame(use))));
    return [{ service, parts: routeParts(prefixes, allPrefixes, [...atTheDoor, ...behind]) }];
  });
  const gateway = options.gateway ?? mesh.name;
  const labels = labelsOf(mesh.name);
  const resources: Resource[] = [
    ...(options.gateway === undefined ? [gatewayResource(gateway, options, labels)] : []),
    ...services.flatMap((routed) => routeResources(routed, gateway, input, options)),
    ...policies(services, gateway, { input, images, options }),
  ];
  return { resources, warnings: [...warnings, ...countWarnings(services)] };
}

function isMeshWide({ config }: FilterUse, { filters = [] }: MeshInput["mesh"]): boolean {
  return filters.some((use) => use.config === config);
}

function isSame({ filter }: FilterUse): (other: FilterUse) => boolean {
  return (other) => other.filter === filter;
}

/** Whether all routes have the same filters with the same settings. */
function haveOneChain(services: readonly RoutedService[]): boolean {
  const [first, ...others] = services.flatMap(({ parts }) => parts);
  const chain = first?.uses ?? [];
  return others.every(
    ({ uses }) =>
      uses.length === chain.length &&
      uses.every((use, i) => chain[i] !== undefined && isSameEntry(use, chain[i])),
  );
}

/** Told by `tellMesh`; here only with --leave-out. */
function isLeftOut({ descriptor, config }: FilterUse): boolean {
  return (
    [...(descriptor.grpcServices?.(config) ?? []), ...(descriptor.httpServices?.(config) ?? [])].length > 0
  );
}

function routeResources(
  { service, parts }: RoutedService,
  gateway: string,
  { mesh }: MeshInput,
  options: GatewayOptions,
): readonly Resource[] {
  const labels = labelsOf(mesh.name);
  const settings = mesh.services[service];
  const names = Object.keys(settings?.versions ?? {});
  const fallback = settings?.default ?? names[0];
  const found = resourceNames(names.map((version) => [service, version]));
  const versions = names.map((version, i): VersionName => {
    return { version, name: found[i] ?? "", isDefault: version === fallback };
  });
  const chooses = parts.some(({ uses }) => uses.some(choosesDestinations));
  const needed = chooses ? versions : versions.filter(({ isDefault }) => isDefault);
  return [
    routeResource({ name: service, gateway, service, parts, versions, labels }, mesh, options),
    ...needed.map((version) => backendResource(service, version, mesh, options, labels)),
  ];
}

interface PolicyContext {
  readonly input: MeshInput;
  readonly images: Images;
  readonly options: GatewayOptions;
}

/**
 * One policy of the Gateway where all routes have the same chain, otherwise one of each route, or
 * of each part of one.
 */
function policies(
  services: readonly RoutedService[],
  gateway: string,
  { input, images, options }: PolicyContext,
): readonly Resource[] {
  const pathOf = entryPaths(input);
  const shared = {
    images,
    labels: labelsOf(input.mesh.name),
    placeOf: (use: FilterUse) => input.placeOf(pathOf(use)),
  };
  if (haveOneChain(services)) {
    const uses = services[0]?.parts[0]?.uses ?? [];
    const targets = [{ kind: "Gateway" as const, name: gateway }];
    return uses.length === 0 ? [] : [policyResource({ name: gateway, targets, uses, ...shared }, options)];
  }
  const parts = services.flatMap(({ service, parts }) => parts.map((part) => ({ service, ...part })));
  const names = resourceNames(parts.map(({ service, name = "" }) => [service, name]));
  return parts.flatMap(({ service, name, uses, ...part }, i) => {
    if (uses.length === 0) return [];
    const sections =
      name === undefined ? [undefined] : ruleNames({ name, uses, ...part }, versionsOf(input, service));
    const targets = sections.map((sectionName) => ({
      kind: "HTTPRoute" as const,
      name: service,
      sectionName,
    }));
    return [policyResource({ name: names[i] ?? "", targets, uses, ...shared }, options)];
  });
}

function versionsOf({ mesh }: MeshInput, service: string): readonly string[] {
  return Object.keys(mesh.services[service]?.versions ?? {});
}

/** Envoy Gateway gives each filter of a policy a VM of its own, with shared data of its own. */
function countWarnings(services: readonly RoutedService[]): readonly string[] {
  if (haveOneChain(services)) return [];
  const all = services.flatMap(({ parts }) => parts.flatMap(({ uses }) => uses));
  const isSame = (one: FilterUse) => (other: FilterUse) => isSameEntry(one, other);
  const repeated = all.filter(
    (use, i) => all.findIndex(isSame(use)) === i && all.filter(isSame(use)).length > 1,
  );
  if (repeated.length === 0) return [];
  const names = [...new Set(repeated.map(({ filter }) => filter))].join(", ");
  const where = services.some(({ parts }) => parts.length > 1) ? "HTTPRoute, or part of one," : "HTTPRoute";
  return [
    `each ${where} has its own ${names}: a limit there counts for each route, and not for all together`,
  ];
}

function labelsOf(partOf: string): Readonly<Record<string, string>> {
  return { "app.kubernetes.io/managed-by": "meshwright", "app.kubernetes.io/part-of": partOf };
}
