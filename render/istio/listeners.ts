// The gateway, and how listeners read requests: paths, clients' addresses, times.

import { edgeListenerOptions, listenerOptions } from "../../compose/listener-options.js";
import { meshEnvoys } from "../../compose/mesh/topology.js";
import type { Json } from "../../envoy/config/json.js";
import { connectionManagerPatch } from "../../envoy/config/listener.js";
import type { Draft, IstioContext } from "./context.js";
import { connectionManagerMerge, envoyFilter } from "./envoy-filter.js";
import type { IstioOptions } from "./options.js";
import { gatewayWorkload } from "./workloads.js";

/** The name of the Gateway, which routes name too. */
export const GATEWAY_NAME = "gateway";

export function gatewayDraft({ options, labels }: IstioContext): Draft {
  const { name: selected, ports, hosts } = options.gateway;
  return {
    kind: "Gateway",
    parts: [GATEWAY_NAME],
    make: (name) => ({
      apiVersion: "networking.istio.io/v1",
      kind: "Gateway",
      metadata: { name, namespace: options.namespace, labels },
      body: {
        spec: {
          selector: { istio: selected },
          servers: [{ port: { number: ports.port, name: "http", protocol: "HTTP" }, hosts: [...hosts] }],
        },
      },
      comment: [
        `The gateway's pods have the label istio: ${selected}. A server with TLS is yours to add, for the mesh file has no certificate.`,
      ],
    }),
  };
}

/** Plugins and EnvoyFilters select pods of their own namespace, unlike a Gateway. */
export function gatewayPlaceWarnings({ gateway }: IstioOptions): readonly string[] {
  if (gateway.isPlaced) return [];
  return [
    `the gateway's filters are in the namespace ${gateway.namespace}, and select pods of it alone: give --gateway-namespace where the gateway's pods are elsewhere, as in istio-system`,
  ];
}

/** How the gateway's listener and the sidecars' read requests, where a rule could depend on it. */
export function listenerDrafts(context: IstioContext): readonly Draft[] {
  const { mesh } = context;
  const hasFilters = meshEnvoys(mesh).some(({ hops }) => hops.some(({ filters }) => filters.length > 0));
  const { trustedHops, escapedSlashes } = mesh.gateway;
  const isAsked = mesh.listeners !== undefined || trustedHops !== undefined || escapedSlashes !== undefined;
  if (!hasFilters && !isAsked) return [];
  return [gatewayListener(context), sidecarListeners(context)];
}

const WHY =
  "Istio's own default lets a client write one path in several ways, and a rule for /a/b is then passed by /a//b";

function gatewayListener(context: IstioContext): Draft {
  const { mesh, options, labels } = context;
  const patch = connectionManagerPatch(edgeListenerOptions(mesh.gateway, mesh.listeners));
  const workload = gatewayWorkload(options);
  return {
    kind: "EnvoyFilter",
    parts: ["", "gateway", "listener"],
    make: (name) =>
      envoyFilter({
        metadata: { name, namespace: workload.namespace, labels },
        workload: workload.labels,
        patches: [connectionManagerMerge("GATEWAY", patch as Json)],
        comment: [`How the gateway reads requests. ${WHY} or /a%2Fb.`],
      }),
  };
}

function sidecarListeners({ mesh, options, labels }: IstioContext): Draft {
  const patch = connectionManagerPatch(listenerOptions(mesh.listeners)) as Json;
  return {
    kind: "EnvoyFilter",
    parts: ["", "sidecar", "listeners"],
    make: (name) =>
      envoyFilter({
        metadata: { name, namespace: options.namespace, labels },
        workload: undefined,
        patches: (["SIDECAR_INBOUND", "SIDECAR_OUTBOUND"] as const).map((each) =>
          connectionManagerMerge(each, patch),
        ),
        comment: [`How the sidecars of this namespace read requests. ${WHY}.`],
      }),
  };
}
