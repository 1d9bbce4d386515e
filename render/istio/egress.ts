// The hosts outside that a mesh may reach, as entries of Istio's registry. Sidecars then refuse all
// that is not in it.

import { isIP } from "node:net";
import type { Json } from "../../envoy/config/json.js";
import type { Draft, IstioContext } from "./context.js";

const API_VERSION = "networking.istio.io/v1";

/** The allowed hosts with their ports, each host once. */
export function egressHosts({ mesh }: Pick<IstioContext, "mesh">): ReadonlyMap<string, readonly number[]> {
  const hosts = new Map<string, number[]>();
  for (const each of mesh.egress?.allow ?? []) {
    const at = each.lastIndexOf(":");
    const host = each.slice(0, at);
    hosts.set(host, [...(hosts.get(host) ?? []), Number(each.slice(at + 1))]);
  }
  return hosts;
}

export function egressDrafts(context: IstioContext): readonly Draft[] {
  const { options, labels } = context;
  return [...egressHosts(context)].map(([host, ports]) => ({
    kind: "ServiceEntry",
    parts: ["egress", host.replace(/^\*/, "any").replaceAll(".", "-")],
    make: (name) => ({
      apiVersion: API_VERSION,
      kind: "ServiceEntry",
      metadata: { name, namespace: options.namespace, labels },
      body: {
        spec: {
          hosts: [host],
          location: "MESH_EXTERNAL",
          // A name with a wildcard cannot be resolved: the client's own address is believed.
          resolution: host.startsWith("*") ? "NONE" : "DNS",
          ports: ports.map(portOf),
        },
      },
      comment: ["Outside the cluster, and allowed by egress of the mesh file."],
    }),
  }));
}

function portOf(number: number): Json {
  const protocol = number === 80 ? "HTTP" : "TLS";
  return { number, name: `${protocol.toLowerCase()}-${number}`, protocol };
}

/** Tells what an entry of Istio's registry cannot be. */
export function tellEgress({ mesh, told, options }: IstioContext): void {
  for (const [i, each] of (mesh.egress?.allow ?? []).entries()) {
    const path = ["egress", "allow", i];
    if (isIP(each.slice(0, each.lastIndexOf(":"))) !== 0)
      told.refuse(path, "Istio knows hosts outside by their names; write a ServiceEntry for an address");
    else if (!/:(80|443)$/.test(each))
      told.warn(path, "is taken for TLS in the cluster, where the protocol belongs to the port");
  }
  if (mesh.egress !== undefined && options.omitted.has("Sidecar"))
    told.refuse(
      ["egress"],
      "only the Sidecars refuse all other hosts, and --without Sidecar leaves them out",
    );
}
