// What others may read of an Envoy: whether it is ready, its statistics, and which certificates it
// shows. The admin interface
// itself can do everything, and stays on loopback. The gateway's Envoy passes on what all sidecars
// say, so that one port of this machine shows the whole mesh.

import { type Cluster, cluster } from "../../envoy/config/cluster.js";
import { type HttpListenerOptions, httpListener, type Listener } from "../../envoy/config/listener.js";
import { type ClusterRoute, directResponse, virtualHost } from "../../envoy/config/route.js";
import { LOOPBACK } from "../listener-options.js";
import { GATEWAY } from "../mesh/names.js";
import { PORTS } from "./places.js";

/** Names with a tilde, which no person can give. */
const ADMIN = "meshwright~admin";
const STATUS = "meshwright~status";
const READABLE = ["/ready", "/stats", "/certs"];

const statusOf = (sidecar: string) => `${STATUS}~${sidecar}`;

/** The path below which the gateway shows what an Envoy says. */
export function statusPath(envoy: string): string {
  return envoy === GATEWAY ? "" : `/envoys/${envoy}`;
}

/** @param sidecars those whose statistics this Envoy passes on */
export function statusListener(sidecars: readonly string[]): Listener {
  const options: HttpListenerOptions = {
    name: STATUS,
    address: "0.0.0.0",
    port: PORTS.status,
    filters: [],
    upgrades: [],
    virtualHosts: [
      virtualHost({
        name: STATUS,
        routes: [
          ...sidecars.flatMap((name) => READABLE.map((path) => readRoute(name, path, statusOf(name)))),
          ...READABLE.map((path) => readRoute(GATEWAY, path, ADMIN)),
          directResponse({ status: 404, body: "there are /ready, /stats and /certs, to be read by GET\n" }),
        ],
      }),
    ],
  };
  return httpListener(options);
}

function readRoute(envoy: string, path: string, cluster: string): ClusterRoute {
  const prefix = `${statusPath(envoy)}${path}`;
  const get = { name: ":method", string_match: { exact: "GET" } };
  return {
    name: `${envoy}${path}`,
    match: { prefix, headers: [get] },
    route: { cluster, ...(prefix === path ? {} : { prefix_rewrite: path }) },
  };
}

export function statusClusters(sidecars: readonly string[]): readonly Cluster[] {
  return [
    cluster({ name: ADMIN, endpoints: [{ address: LOOPBACK, port: PORTS.admin }] }),
    ...sidecars.map((name) =>
      cluster({ name: statusOf(name), endpoints: [{ address: name, port: PORTS.status }] }),
    ),
  ];
}
