// A Gateway of the Gateway API that Istio configures and does not deploy: the proxy is a workload
// of the Service that its address names.

import type { Upstream } from "../../../kit/envoy/upstream.js";
import type { Resource } from "./control-plane.js";

const NAMESPACE = "shop";
export const GATEWAY = "front";
/** Its proxy's loopback address. */
export const GATEWAY_ADDRESS = "127.0.1.9";
export const GATEWAY_LABELS = { istio: GATEWAY } as const;

export interface GatewayOptions {
  readonly port: number;
  /** By version. */
  readonly orders: Readonly<Record<"v1" | "v2", Upstream>>;
  /** The service account of its proxy. */
  readonly account: string;
}

export function gatewayResources({ port, orders, account }: GatewayOptions): readonly Resource[] {
  return [
    service(GATEWAY, GATEWAY_LABELS, port, port),
    workload(GATEWAY, GATEWAY_ADDRESS, GATEWAY_LABELS, account),
    ...Object.entries(orders).flatMap(([version, upstream], i) => {
      const labels = { app: "orders", version };
      return [
        service(`orders-${version}`, labels, port, upstream.port),
        workload(`orders-${version}`, `127.0.2.${i + 1}`, labels),
      ];
    }),
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "Gateway",
      metadata: { name: GATEWAY, namespace: NAMESPACE },
      spec: {
        gatewayClassName: "istio",
        addresses: [{ type: "Hostname", value: `${GATEWAY}.${NAMESPACE}.svc.cluster.local` }],
        listeners: [{ name: "http", port, protocol: "HTTP" }],
      },
    },
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "HTTPRoute",
      metadata: { name: "orders", namespace: NAMESPACE },
      spec: {
        parentRefs: [{ name: GATEWAY }],
        rules: [
          {
            matches: [{ headers: [{ name: "x-mesh-destination", value: "v2" }] }],
            backendRefs: [{ name: "orders-v2", port }],
          },
          { backendRefs: [{ name: "orders-v1", port }] },
        ],
      },
    },
  ];
}

function service(
  name: string,
  selector: Readonly<Record<string, string>>,
  port: number,
  targetPort: number,
): Resource {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: NAMESPACE },
    spec: { selector, ports: [{ name: "http", port, targetPort }] },
  };
}

function workload(
  name: string,
  address: string,
  labels: Readonly<Record<string, string>>,
  serviceAccount?: string,
): Resource {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "WorkloadEntry",
    metadata: { name, namespace: NAMESPACE },
    spec: { address, labels, ...(serviceAccount === undefined ? {} : { serviceAccount }) },
  };
}
