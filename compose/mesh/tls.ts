// Mutual TLS between the Envoys of a mesh: the transport sockets of sidecars' listeners, and of the
// clusters that lead to them.

import { discoverySource } from "../../envoy/config/discovery-source.js";
import type { ConnectionKind } from "../../envoy/config/filter-chain.js";
import { mutualDownstreamTls, mutualUpstreamTls } from "../../envoy/config/mutual-tls.js";
import type { UpstreamProtocol } from "../../envoy/config/protocol.js";
import type { SecretReference } from "../../envoy/config/secret.js";
import type { TransportSocket } from "../../envoy/config/tls.js";
import type { Context } from "./addresses.js";
import { identityOf, spiffeId, spiffePrefix } from "./identity.js";

/** The names of an Envoy's secrets: its certificate, and the authorities that it trusts. */
export const CERTIFICATE_SECRET = "certificate";
export const TRUST_SECRET = "trust";

type Meshed = Pick<Context, "mesh" | "places">;

/**
 * The connections that a sidecar takes for an app of the service. Rules of the kernel bring what
 * comes to the app's own port from outside of the mesh, which has no name: a mesh takes it unless
 * its file says that it is strict.
 */
export function inboundKinds({ mesh, places }: Meshed, service: string): readonly ConnectionKind[] {
  const { mode } = identityOf(mesh);
  if (mode === "off") return [{}];
  const transportSocket = mutualDownstreamTls({
    ...secrets(places),
    peer: { prefix: spiffePrefix(mesh) },
  });
  const own = places?.redirectedPort?.(service);
  if (own !== undefined && mesh.identity?.mode !== "strict") {
    return [{ match: { destination_port: own } }, { transportSocket }];
  }
  if (mode === "strict") return [{ transportSocket }];
  return [
    { match: { transport_protocol: "tls" }, transportSocket },
    { match: { transport_protocol: "raw_buffer" } },
  ];
}

/**
 * How an Envoy calls a sidecar of the service, which must show that it is one; undefined where
 * everything is plain.
 * @param protocol what the connection carries
 */
export function calledSocket(
  { mesh, places }: Meshed,
  service: string,
  protocol: UpstreamProtocol | "tcp",
): TransportSocket | undefined {
  if (identityOf(mesh).mode === "off") return undefined;
  return mutualUpstreamTls({ ...secrets(places), peer: { exact: spiffeId(mesh, service) } }, protocol);
}

/** How an Envoy refers to a secret of its own. */
export function secretReference(places: Context["places"], name: string): SecretReference {
  return { name, sds_config: places?.secret?.(name) ?? discoverySource() };
}

function secrets(places: Context["places"]) {
  return {
    certificate: secretReference(places, CERTIFICATE_SECRET),
    trust: secretReference(places, TRUST_SECRET),
  };
}
