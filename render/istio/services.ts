// What Istio must know of the services themselves: their versions, and those outside the cluster.

import type { Json } from "../../envoy/config/json.js";
import type { Resource } from "../resource.js";
import type { Draft, IstioContext } from "./context.js";
import { type HostPlace, serviceHost } from "./hosts.js";
import { trafficPolicy } from "./policy.js";
import { portOf } from "./ports.js";
import { hasSubsets, podVersions, portProtocol, versionPlaces } from "./versions.js";

const API_VERSION = "networking.istio.io/v1";

/** Takes out of the rotation what fails, when a person asks for it: Istio's usual figures. */
const OUTLIER_DETECTION: Json = {
  consecutive5xxErrors: 5,
  interval: "10s",
  baseEjectionTime: "30s",
  maxEjectionPercent: 50,
};

/** One for each service with several versions, and for all with outlier detection. */
export function destinationRuleDrafts(context: IstioContext): readonly Draft[] {
  const { mesh, options } = context;
  const wantsOutliers = options.extras.has("outlierDetection");
  return Object.keys(mesh.services)
    .filter((service) => hasSubsets(context, service) || wantsOutliers || policyOf(context, service))
    .map((service) => ({
      kind: "DestinationRule",
      parts: [service],
      make: (name) => destinationRule(context, service, name),
    }));
}

function destinationRule(context: IstioContext, service: string, name: string): Resource {
  const { options, labels } = context;
  const subsets = podVersions(context, service).map((version) => ({
    name: version,
    labels: { [options.labels.version]: version },
  }));
  const usual = options.extras.has("outlierDetection") ? { outlierDetection: OUTLIER_DETECTION } : {};
  const trafficPolicy = { ...usual, ...policyOf(context, service) };
  const policy = Object.keys(trafficPolicy).length === 0 ? {} : { trafficPolicy };
  return {
    apiVersion: API_VERSION,
    kind: "DestinationRule",
    metadata: { name, namespace: options.namespace, labels },
    body: {
      spec: {
        host: serviceHost(service, options),
        ...policy,
        ...(hasSubsets(context, service) ? { subsets } : {}),
      },
    },
    comment: [`The versions of ${service} are pods with these labels.`],
  };
}

/** Filters' files say nothing of the services that they stand before. */
function policyOf({ mesh, ownsRoutes }: IstioContext, service: string) {
  return ownsRoutes ? trafficPolicy(mesh.services[service]) : undefined;
}

/** A Service without pods, so that the name resolves of what is elsewhere in all its versions. */
export function serviceDrafts(context: IstioContext): readonly Draft[] {
  const { mesh, options, labels } = context;
  return Object.keys(mesh.services)
    .filter((service) => podVersions(context, service).length === 0)
    .map((service) => ({
      kind: "Service",
      parts: [service],
      make: () => {
        const { port } = portOf(options.ports, service);
        return {
          apiVersion: "v1",
          kind: "Service",
          metadata: { name: service, namespace: options.namespace, labels },
          body: { spec: { ports: [{ name: portProtocol(mesh.services[service]), port }] } },
          comment: [`No pods: every version of ${service} is elsewhere. Callers use this name.`],
        };
      },
    }));
}

interface Named {
  /** What the file calls it. */
  readonly name: string;
  /** What the resource's name is made of. */
  readonly parts: readonly string[];
  readonly place: HostPlace;
}

/** Everything outside the cluster, each host once. */
export function externalDrafts(context: IstioContext): readonly Draft[] {
  const byHost = new Map<string, Named[]>();
  for (const each of externals(context)) {
    byHost.set(each.place.host, [...(byHost.get(each.place.host) ?? []), each]);
  }
  return [...byHost].flatMap(([host, named]) => [
    entryDraft(context, host, named),
    ...(named.some(({ place }) => place.external?.tls) ? [tlsDraft(context, host, named)] : []),
  ]);
}

function externals(context: IstioContext): readonly Named[] {
  const versions = Object.keys(context.mesh.services).flatMap((service) =>
    versionPlaces(context, service).flatMap(({ version, elsewhere }) =>
      elsewhere === undefined
        ? []
        : [{ name: `${service}-${version}`, parts: [service, version], place: elsewhere }],
    ),
  );
  const called = [...context.called].map(([name, place]) => ({ name, parts: [name], place }));
  return [...versions, ...called].filter(({ place }) => place.external !== undefined);
}

function entryDraft({ mesh, options, labels }: IstioContext, host: string, named: readonly Named[]): Draft {
  return {
    kind: "ServiceEntry",
    parts: named[0]?.parts ?? [host],
    make: (name) => {
      const { external } = named[0]?.place ?? {};
      const isNamed = external?.address === host;
      return {
        apiVersion: API_VERSION,
        kind: "ServiceEntry",
        metadata: { name, namespace: options.namespace, labels },
        body: {
          spec: {
            hosts: [host],
            location: "MESH_EXTERNAL",
            resolution: isNamed ? "DNS" : "STATIC",
            ports: entryPorts(mesh, named),
            ...(isNamed ? {} : { endpoints: [{ address: external?.address ?? "" }] }),
          },
        },
        comment: [`Outside the cluster: ${named.map((each) => each.name).join(", ")}.`],
      };
    },
  };
}

function entryPorts(mesh: IstioContext["mesh"], named: readonly Named[]): readonly Json[] {
  const byNumber = new Map(named.map((each) => [each.place.port, each]));
  return [...byNumber].map(([number, { name, place }]) => {
    const protocol = protocolOf(mesh, name, place);
    const target = place.external?.port ?? number;
    return {
      number,
      name: byNumber.size === 1 ? protocol.toLowerCase() : `${protocol.toLowerCase()}-${number}`,
      protocol,
      ...(target === number ? {} : { targetPort: target }),
    };
  });
}

function protocolOf({ grpcServices = {}, services }: IstioContext["mesh"], name: string, place: HostPlace) {
  const isGrpc =
    Object.hasOwn(grpcServices, name) ||
    Object.entries(services).some(
      ([service, { protocol, versions }]) =>
        protocol === "grpc" && Object.keys(versions).some((version) => name === `${service}-${version}`),
    );
  if (isGrpc) return "GRPC";
  return place.external?.protocol === "http2" ? "HTTP2" : "HTTP";
}

function tlsDraft({ options, labels }: IstioContext, host: string, named: readonly Named[]): Draft {
  const portLevelSettings = [...new Map(named.map((each) => [each.place.port, each.place]))].flatMap(
    ([number, { external }]): readonly Json[] =>
      external?.tls
        ? [{ port: { number }, tls: { mode: "SIMPLE", sni: host, subjectAltNames: [host] } }]
        : [],
  );
  return {
    kind: "DestinationRule",
    parts: [...(named[0]?.parts ?? [host]), "tls"],
    make: (name) => ({
      apiVersion: API_VERSION,
      kind: "DestinationRule",
      metadata: { name, namespace: options.namespace, labels },
      body: { spec: { host, trafficPolicy: { portLevelSettings } } },
      comment: [`Sidecars begin the TLS to ${host}, and check its certificate by the system's authorities.`],
    }),
  };
}
