// The Envoy for the tests of attributes: one listener with mutual TLS and with metadata wherever
// possible, one without both.

import path from "node:path";
import { bootstrap } from "../../../envoy/config/bootstrap.js";
import { cluster } from "../../../envoy/config/cluster.js";
import { httpListener, type Listener } from "../../../envoy/config/listener.js";
import { typedConfig } from "../../../envoy/config/typed-config.js";
import { wasmFilter } from "../../../envoy/config/wasm.js";

const METADATA = {
  filter_metadata: {
    mesh: { text: "täxt", number: 1.5, flag: true, struct: { a: "b", c: "d" }, list: ["x", "y"] },
  },
};

export interface AttributesPlaces {
  /** The probe's module. */
  readonly module: string;
  /** The folder of `ca.pem`, `server.pem` and `server.key`. */
  readonly certificates: string;
  readonly adminPort: number;
  readonly tlsPort: number;
  readonly plainPort: number;
  readonly upstreamPort: number;
}

/** Envoy's configuration with metadata wherever possible; the builders have no option for it. */
export function attributesBootstrap(places: AttributesPlaces): object {
  const { module, adminPort, tlsPort, plainPort, upstreamPort, certificates } = places;
  const built = bootstrap({
    node: { id: "node-1", cluster: "node-cluster" },
    adminPort,
    listeners: [listener("tls", module, tlsPort), listener("plain", module, plainPort)],
    clusters: [cluster({ name: "upstream", endpoints: [{ address: "127.0.0.1", port: upstreamPort }] })],
  });
  const [tls, plain] = built.static_resources.listeners;
  const [only] = built.static_resources.clusters;
  const endpoints = only?.load_assignment?.endpoints.map(({ lb_endpoints }) => ({
    locality: { region: "region-1", zone: "zone-1", sub_zone: "sub-1" },
    lb_endpoints: lb_endpoints.map((endpoint) => ({ ...endpoint, metadata: METADATA })),
  }));
  return {
    ...built,
    node: { ...built.node, metadata: { text: "täxt" } },
    static_resources: {
      listeners: [
        {
          ...tls,
          metadata: METADATA,
          traffic_direction: "INBOUND",
          filter_chains: tls?.filter_chains.map((chain) => ({
            ...chain,
            name: "chain-1",
            transport_socket: mutualTls(certificates),
          })),
        },
        plain,
      ],
      clusters: [{ ...only, metadata: METADATA, load_assignment: { ...only?.load_assignment, endpoints } }],
    },
  };
}

function listener(name: string, module: string, port: number): Listener {
  const route = {
    name: "route-1",
    match: { prefix: "/" },
    route: { cluster: "upstream" },
    ...(name === "tls" ? { metadata: METADATA } : {}),
  };
  const host = { name: "host-1", domains: ["*"], routes: [route], metadata: METADATA };
  return httpListener({
    name,
    port,
    filters: [wasmFilter({ name: `probe-${name}`, module, vmId: "vm-1" })],
    virtualHosts: [host],
  });
}

function mutualTls(folder: string): object {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: typedConfig("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
      require_client_certificate: true,
      common_tls_context: {
        tls_certificates: [
          {
            certificate_chain: { filename: path.join(folder, "server.pem") },
            private_key: { filename: path.join(folder, "server.key") },
          },
        ],
        validation_context: { trusted_ca: { filename: path.join(folder, "ca.pem") } },
      },
    }),
  };
}
