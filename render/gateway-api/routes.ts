// Gateway, HTTPRoutes, and what they lead to.

import { isIP } from "node:net";
import { choosesDestinations, destinationHeader } from "../../compose/destinations.js";
import type { Mesh } from "../../compose/mesh/shape.js";
import { type ParsedUpstream, parseUpstreamUrl, type UpstreamAddress } from "../../compose/upstream-url.js";
import type { Json } from "../../envoy/config/json.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { millisecondsOf } from "../../filters/shared/rule-schema.js";
import type { Metadata, Resource } from "../resource.js";
import type { GatewayOptions } from "./options.js";
import type { RoutePart } from "./parts.js";

const GATEWAY_API = "gateway.networking.k8s.io/v1";
const HTTP2 = "kubernetes.io/h2c";

type Labels = Readonly<Record<string, string>>;

export function gatewayResource(name: string, options: GatewayOptions, labels: Labels): Resource {
  const { gatewayClass, gatewayPort, hosts } = options;
  const listener = { protocol: "HTTP", port: gatewayPort };
  const listeners =
    hosts.length === 0
      ? [{ name: "http", ...listener }]
      : hosts.map((hostname, i) => ({ name: `http-${i}`, hostname, ...listener }));
  return {
    apiVersion: GATEWAY_API,
    kind: "Gateway",
    metadata: metadataOf(name, options, labels),
    body: { spec: { gatewayClassName: gatewayClass, listeners } },
    comment: ["Where requests enter. TLS is a listener of your own."],
  };
}

export interface RouteParts {
  readonly name: string;
  readonly gateway: string;
  readonly service: string;
  readonly parts: readonly RoutePart[];
  readonly versions: readonly VersionName[];
  readonly labels: Labels;
}

/** A version, and the Service or Backend that it has. */
export interface VersionName {
  readonly version: string;
  readonly name: string;
  readonly isDefault: boolean;
}

/** Most rules of an HTTPRoute. Source: the CRD of Gateway API 1.6. */
const MAX_RULES = 16;

/** @throws MeshwrightError `configuration` for more rules than an HTTPRoute may have */
export function routeResource(parts: RouteParts, mesh: Mesh, options: GatewayOptions): Resource {
  const { name, gateway, service, labels } = parts;
  const { hosts } = options;
  const rules = parts.parts.flatMap((part) => rulesOf(parts, part, mesh, options));
  if (rules.length > MAX_RULES) {
    throw new MeshwrightError(
      "configuration",
      `${service}: an HTTPRoute takes ${MAX_RULES} rules, and this one needs ${rules.length}: a rule for each version and each part of the paths on which other filters run`,
    );
  }
  const headers = parts.parts.flatMap(({ uses }) => destinationHeader(uses) ?? []);
  const how =
    headers[0] === undefined
      ? `Requests to ${service}.`
      : `Requests to ${service}: the filter before this writes ${headers[0]}, and removes a client's own.`;
  const prefixes = parts.parts.flatMap((part) => part.prefixes);
  return {
    apiVersion: GATEWAY_API,
    kind: "HTTPRoute",
    metadata: metadataOf(name, options, labels),
    body: {
      spec: {
        parentRefs: [{ name: gateway }],
        ...(hosts.length === 0 ? {} : { hostnames: [...hosts] }),
        rules,
      },
    },
    comment: [
      how,
      ...(prefixes.length > 1 ? [`It has the paths ${prefixes.join(", ")}.`] : []),
      ...(parts.parts.length > 1 ? ["Policies know the rules by their names."] : []),
    ],
  };
}

/** A rule for each version that a filter can choose on these paths, and one for the default. */
function rulesOf(
  { service, versions }: RouteParts,
  part: RoutePart,
  mesh: Mesh,
  options: GatewayOptions,
): readonly Json[] {
  // Where no filter chooses, only clients can send the header, and it decides nothing.
  const header = destinationHeader(part.uses);
  const chosen = header === undefined ? [] : versions;
  const names = ruleNames(
    part,
    versions.map(({ version }) => version),
  );
  const fallback = versions.filter(({ isDefault }) => isDefault);
  const rules = [
    ...chosen.map((version) => ({ version, header: { name: header ?? "", value: version.version } })),
    ...fallback.map((version) => ({ version, header: undefined })),
  ];
  return rules.map(({ version, header: matched }, i) =>
    ruleOf({ service, part, name: names[i] }, mesh, options, version, matched),
  );
}

/** The names of the rules of a part; none where it is all of the HTTPRoute. */
export function ruleNames({ name, uses }: RoutePart, versions: readonly string[]): readonly string[] {
  if (name === undefined) return [];
  return [...(uses.some(choosesDestinations) ? versions.map((version) => `${name}-${version}`) : []), name];
}

function ruleOf(
  {
    service,
    part,
    name: rule,
  }: { readonly service: string; readonly part: RoutePart; readonly name: string | undefined },
  mesh: Mesh,
  options: GatewayOptions,
  { version, name }: VersionName,
  header?: { readonly name: string; readonly value: string },
): Json {
  const { timeout = "0s" } = mesh.services[service] ?? {};
  const matches = part.prefixes.map((value) => ({
    path: { type: "PathPrefix", value },
    ...(header === undefined ? {} : { headers: [header] }),
  }));
  const isBackend = urlOf(mesh, service, version) !== undefined;
  const reference = isBackend
    ? { group: "gateway.envoyproxy.io", kind: "Backend", name }
    : { name, port: options.port };
  return {
    ...(rule === undefined ? {} : { name: rule }),
    matches,
    // Envoy's own 15 seconds would end streams, and no limit is what the mesh file says.
    timeouts: { request: gatewayDuration(timeout) },
    backendRefs: [reference],
  };
}

/** A duration in the form of Gateway API, which has no fractions. */
function gatewayDuration(text: string): string {
  const milliseconds = Math.round(millisecondsOf(text) ?? 0);
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
}

/** The Service of a version's pods, or the Backend of one that runs elsewhere. */
export function backendResource(
  service: string,
  { version, name }: VersionName,
  mesh: Mesh,
  options: GatewayOptions,
  labels: Labels,
): Resource {
  const address = urlOf(mesh, service, version);
  const { protocol } = mesh.services[service] ?? {};
  const isHttp2 = (protocol ?? "http1") !== "http1" || address?.protocol === "http2";
  const metadata = metadataOf(name, options, labels);
  if (address !== undefined) {
    const endpoint = isIP(address.address)
      ? { ip: { address: address.address, port: address.port } }
      : { fqdn: { hostname: address.address, port: address.port } };
    const spec = {
      endpoints: [endpoint],
      ...(isHttp2 ? { appProtocols: ["gateway.envoyproxy.io/h2c"] } : {}),
    };
    return {
      apiVersion: "gateway.envoyproxy.io/v1alpha1",
      kind: "Backend",
      metadata,
      body: { spec },
      comment: [
        `${service} ${version}, which runs outside. Envoy Gateway takes Backends with extensionApis.enableBackend.`,
      ],
    };
  }
  const port = { name: "http", port: options.port, ...(isHttp2 ? { appProtocol: HTTP2 } : {}) };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    body: { spec: { selector: { app: service, version }, ports: [port] } },
    comment: [`The pods of ${service} ${version}: their Deployment is yours, and has these labels.`],
  };
}

/** Where a version runs that is not started, as its URL says. */
export function urlOf(mesh: Mesh, service: string, version: string): UpstreamAddress | undefined {
  const facts = mesh.services[service]?.versions[version];
  if (facts === undefined || !("url" in facts)) return undefined;
  const parsed: ParsedUpstream = parseUpstreamUrl(facts.url);
  return parsed.ok ? parsed.value : undefined;
}

function metadataOf(name: string, { namespace }: GatewayOptions, labels: Labels): Metadata {
  return { name, namespace, labels };
}
