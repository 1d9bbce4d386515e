// Who may call whom: Sidecars from the `calls` of the mesh file, and policies where they are asked
// for.

import { identityOf } from "../../compose/mesh/identity.js";
import type { Json } from "../../envoy/config/json.js";
import type { Draft, IstioContext } from "./context.js";
import { egressHosts as outsideHosts } from "./egress.js";
import { type HostPlace, serviceHost } from "./hosts.js";
import { versionPlaces } from "./versions.js";
import { appWorkload } from "./workloads.js";

/** The namespace of istiod, whose services every sidecar needs. */
const ROOT_NAMESPACE = "istio-system";

/** A sidecar knows what its service calls, and nothing else of the cluster. */
export function sidecarDrafts(context: IstioContext): readonly Draft[] {
  const { mesh, options, labels } = context;
  return Object.entries(mesh.services).map(([service, { calls = [] }]) => ({
    kind: "Sidecar",
    parts: [service],
    make: (name) => ({
      apiVersion: "networking.istio.io/v1",
      kind: "Sidecar",
      metadata: { name, namespace: options.namespace, labels },
      body: {
        spec: {
          workloadSelector: { labels: appWorkload(service, options).labels ?? {} },
          egress: [{ hosts: egressHosts(context, calls) }],
          ...(mesh.egress === undefined ? {} : { outboundTrafficPolicy: { mode: "REGISTRY_ONLY" } }),
        },
      },
      comment: [
        calls.length === 0
          ? `${service} calls no service of the mesh.`
          : `${service} calls ${calls.join(", ")}. Its sidecar gets the routes to these alone.`,
      ],
    }),
  }));
}

function egressHosts(context: IstioContext, calls: readonly string[]): readonly string[] {
  const { options, called } = context;
  const elsewhere = calls.flatMap((service) =>
    versionPlaces(context, service).flatMap((each) => (each.elsewhere === undefined ? [] : [each.elsewhere])),
  );
  return [
    ...new Set([
      ...calls.map((service) => `./${serviceHost(service, options)}`),
      // Filters in this sidecar may call these.
      ...[...elsewhere, ...called.values()].map((place) => hostIn(place, options.namespace)),
      ...[...outsideHosts(context).keys()].map((host) => `./${host}`),
      `${ROOT_NAMESPACE}/*`,
    ]),
  ];
}

function hostIn({ host, namespace }: HostPlace, own: string): string {
  return `${namespace === undefined || namespace === own ? "." : namespace}/${host}`;
}

/** What the modes of a mesh file are in Istio, and what they mean for a service. */
const MTLS = {
  strict: ["STRICT", "Services take calls from sidecars and gateways alone, by mTLS."],
  permissive: ["PERMISSIVE", "Services take calls by mTLS, and plain ones too."],
  off: ["DISABLE", "Calls between services are plain."],
} as const;

export function peerAuthenticationDraft({ mesh, options, labels }: IstioContext): Draft {
  const [mode, comment] = MTLS[identityOf(mesh).mode];
  return {
    kind: "PeerAuthentication",
    parts: ["default"],
    make: (name) => ({
      apiVersion: "security.istio.io/v1",
      kind: "PeerAuthentication",
      metadata: { name, namespace: options.namespace, labels },
      body: { spec: { mtls: { mode } } },
      comment: [comment],
    }),
  };
}

/** Each service takes calls from those that the mesh file says call it. */
export function authorizationDrafts(context: IstioContext): readonly Draft[] {
  const { mesh, options, labels } = context;
  return Object.keys(mesh.services).map((service) => {
    const principals = callerPrincipals(context, service);
    const rules: Json = principals.length === 0 ? [] : [{ from: [{ source: { principals } }] }];
    return {
      kind: "AuthorizationPolicy",
      parts: [service, "callers"],
      make: (name) => ({
        apiVersion: "security.istio.io/v1",
        kind: "AuthorizationPolicy",
        metadata: { name, namespace: options.namespace, labels },
        body: {
          spec: {
            selector: { matchLabels: appWorkload(service, options).labels ?? {} },
            action: "ALLOW",
            ...(principals.length === 0 ? {} : { rules }),
          },
        },
        comment: [
          principals.length === 0
            ? `Nothing calls ${service}: without a rule, every request is denied.`
            : `Who may call ${service}: the service accounts are named like the services. This needs mTLS.`,
        ],
      }),
    };
  });
}

/** The principals of those that call a service: the gateway first. */
function callerPrincipals({ mesh, options }: IstioContext, service: string): readonly string[] {
  const { namespace, gateway } = options;
  const isRouted = mesh.gateway.routes.some((route) => route.service === service);
  const callers = Object.entries(mesh.services).flatMap(([name, { calls = [] }]) =>
    calls.includes(service) ? [principal(namespace, name)] : [],
  );
  return [...(isRouted ? [principal(gateway.namespace, gateway.account)] : []), ...callers];
}

/** Istio reads `cluster.local` as the mesh's own trust domain, whatever that is called. */
function principal(namespace: string, account: string): string {
  return `cluster.local/ns/${namespace}/sa/${account}`;
}

/** Every request in the sidecars' logs. */
export function telemetryDraft({ options, labels }: IstioContext): Draft {
  return {
    kind: "Telemetry",
    parts: ["access-logs"],
    make: (name) => ({
      apiVersion: "telemetry.istio.io/v1",
      kind: "Telemetry",
      metadata: { name, namespace: options.namespace, labels },
      body: { spec: { accessLogging: [{ providers: [{ name: "envoy" }] }] } },
      comment: ["An access log of every proxy in this namespace, as `meshwright up` has it."],
    }),
  };
}
