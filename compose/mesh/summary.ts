// What a person needs to know about a mesh that has just started: addresses, the filters' settings,
// and commands to try. Pure.

import type { TriedRequest } from "../../filters/descriptor.js";
import { chainOf } from "../chains.js";
import { describeRoutes, type OnPaths } from "../filter-paths.js";
import type { UpMesh } from "../up-mesh.js";
import { upstreamUrl } from "../upstream-url.js";
import { type MeshUse, onItsPaths } from "./filter-routes.js";
import type { MeshPlan } from "./plan.js";
import type { ServicePlan } from "./plan-service.js";
import { describeSettings } from "./settings.js";
import type { Mesh } from "./shape.js";

const CURL_LINES = 3;

/** The addresses of the gateway and of every Envoy's admin interface. */
export function addressLines(plan: MeshPlan): string[] {
  const admins = plan.envoys.map((envoy) => {
    const { address, port_value } = envoy.bootstrap.admin.address.socket_address;
    return `${envoy.name.padEnd(nameWidth(plan))}  http://${address}:${port_value}`;
  });
  return [
    `gateway  ${plan.gatewayUrl}`,
    "admin interfaces",
    ...admins.map((line) => `  ${line}`),
    ...serviceAddressLines(plan),
  ];
}

/** Where other Envoys call the first sidecar. */
export function firstSidecarUrl({ envoys }: MeshPlan): string | undefined {
  const listeners = envoys.flatMap(({ bootstrap }) => bootstrap.static_resources.listeners);
  const { address, port_value } =
    listeners.find(({ name }) => name === "inbound")?.address.socket_address ?? {};
  return address === undefined ? undefined : `http://${address}:${port_value}`;
}

/** The addresses of the services that run by themselves, and of those that filters call. */
export function serviceAddressLines(plan: MeshPlan): string[] {
  const elsewhere = plan.services.filter(
    ({ start, compose }) => start === undefined && compose === undefined,
  );
  return [
    ...elsewhere.map(describeElsewhere),
    ...Object.entries(plan.grpcServices).map(
      ([name, service]) => `gRPC service ${name} at ${upstreamUrl(service)}`,
    ),
    ...Object.entries(plan.httpServices).map(
      ([name, service]) => `HTTP service ${name} at ${upstreamUrl(service)}`,
    ),
  ];
}

/** Only a person can give such a service the addresses of others. */
function describeElsewhere({ name, url, calls }: ServicePlan): string {
  const settings = Object.entries(calls).map(([variable, url]) => `${variable}=${url}`);
  const advice = settings.length === 0 ? "" : `, and needs ${settings.join(" ")}`;
  return `${name} runs by itself at ${url}${advice}`;
}

function nameWidth(plan: MeshPlan): number {
  return Math.max(...plan.envoys.map((envoy) => envoy.name.length));
}

/** One line for each service with a timeout or retries of its own. */
export function callLines(mesh: Mesh): string[] {
  return Object.entries(mesh.services).flatMap(([name, { timeout, retries }]) => {
    const { on = [], attempts = 1, perTryTimeout } = retries ?? {};
    const words = [
      ...(timeout === undefined ? [] : [`timeout ${timeout}`]),
      ...(retries === undefined ? [] : [`up to ${attempts} more on ${on.join(", ")}`]),
      ...(perTryTimeout === undefined ? [] : [`each attempt ${perTryTimeout}`]),
    ];
    return words.length === 0 ? [] : [`${name}: ${words.join("; ")}`];
  });
}

/** One line for each filter of the file: its place and its settings. */
export function filterLines(mesh: Mesh): string[] {
  const lines = placedFilterLines(mesh);
  return lines.length === 0 ? ["none"] : lines;
}

function placedFilterLines(mesh: Mesh): string[] {
  const line = (use: MeshUse, where: string) => {
    const when = chainOf(use) === "upstream" ? ", for each attempt" : "";
    return `${use.filter} ${where}${describeRoutes(use.routes)}${when}: ${describeSettings(use)}`;
  };
  return [
    ...(mesh.filters ?? []).map((use) => line(use, `at ${use.at.join(", ")}`)),
    ...(mesh.gateway.filters ?? []).map((use) => line(use, "at gateway")),
    ...Object.entries(mesh.services).flatMap(([name, { filters = [] }]) =>
      filters.map((use) => line(use, `before ${name}`)),
    ),
  ];
}

/**
 * The prefixes of the gateway's routes to which a plain GET makes sense: not those of services that
 * speak gRPC, unless there are no others.
 */
export function triedPrefixes({ gateway: { routes }, services }: Mesh): readonly string[] {
  const plain = routes.filter(({ service }) => services[service]?.protocol !== "grpc");
  return (plain.length > 0 ? plain : routes).map(({ prefix }) => prefix);
}

/**
 * Three commands to try: a plain request, then requests that the mesh's rules treat differently.
 */
export function curlLines(
  mesh: Mesh,
  at: Pick<UpMesh, "gatewayUrl" | "statsUrl"> & Partial<Pick<UpMesh, "door">>,
): string[] {
  const door = throughDoor(at.gatewayUrl, at.door);
  const prefixes = triedPrefixes(mesh);
  const base = prefixes.find((prefix) => prefix === "/") ?? prefixes[0] ?? "/";
  const uses = [
    ...(mesh.gateway.filters ?? []),
    ...(mesh.filters ?? []),
    ...Object.values(mesh.services).flatMap((service) => service.filters ?? []),
  ];
  const tries = uses
    .map((use) => onItsPaths(use, mesh.gateway.routes))
    .flatMap(({ descriptor, config, paths }) =>
      (descriptor.tries?.(config) ?? []).map((request) => ({ path: triedPath({ paths }, base), ...request })),
    )
    .flatMap((request) => curlFor(request, door, base) ?? []);
  const plain = `${door.curl} ${door.url}${base}`;
  const withHeaders = `${door.curl} -i ${door.url}${base}`;
  const counters = `curl '${at.statsUrl}/stats?filter=wasmcustom'`;
  return [...new Set([plain, ...spread(tries), withHeaders, counters])].slice(0, CURL_LINES);
}

interface Door {
  /** The command and what it needs for every request. */
  readonly curl: string;
  readonly url: string;
}

/** A client that speaks TLS asks for a host, which no name server knows. */
function throughDoor(gatewayUrl: string, door: UpMesh["door"]): Door {
  if (door === undefined) return { curl: "curl", url: gatewayUrl };
  const { hostname, port } = new URL(gatewayUrl);
  const trust = door.authorityFile === undefined ? "" : ` --cacert ${shellWord(door.authorityFile)}`;
  const resolve = ` --resolve ${door.host}:${port || 443}:${hostname}`;
  return { curl: `curl${trust}${resolve}`, url: `https://${door.host}:${port || 443}` };
}

/** A path on which a filter runs. */
function triedPath({ paths = [] }: OnPaths, base: string): string {
  return paths.find(({ disabled }) => disabled !== true)?.prefix ?? base;
}

/**
 * The first, and then one of another kind, because five similar header rules teach no more than
 * one.
 */
function spread(tries: readonly string[]): string[] {
  const [first] = tries;
  if (first === undefined) return [];
  const kind = (text: string) => text.replace(/'[^']*'/g, "''");
  const other = tries.find((each) => kind(each) !== kind(first)) ?? tries[1];
  return other === undefined ? [first] : [first, other];
}

/** Undefined where it equals the plain request. */
function curlFor(request: TriedRequest, door: Door, base: string): string | undefined {
  const { path = base, headers = [], cookies = [] } = request;
  const options = [
    ...headers.map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`),
    ...cookies.map(([name, value]) => `--cookie ${quote(`${name}=${value}`)}`),
  ];
  if (options.length === 0 && path === base) return undefined;
  return [door.curl, ...options, shellWord(`${door.url}${path}`)].join(" ");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function shellWord(text: string): string {
  return /^[\w:/.@%+=,-]+$/.test(text) ? text : quote(text);
}
