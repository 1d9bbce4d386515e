// Identity in a mesh of processes: each Envoy gets its secrets from the discovery server, over a
// socket that nobody else may enter, so that no key of theirs is ever in a file.

import path from "node:path";
import { DiscoveryServer } from "../../envoy/discovery/server.js";
import type { RunEvent } from "../events.js";
import { hostCertificates } from "../mesh/gateway-tls.js";
import { needsCertificates } from "../mesh/identity.js";
import type { Mesh } from "../mesh/shape.js";
import { meshEnvoys } from "../mesh/topology.js";
import { IDENTITY_FOLDER } from "../run-directory.js";
import { MeshIdentity } from "./mesh-identity.js";
import { privateSocket } from "./private-socket.js";

export interface IdentifiedDiscovery extends AsyncDisposable {
  readonly discovery: DiscoveryServer;
  /** Absent where everything is plain. */
  readonly identity?: MeshIdentity;
}

/**
 * Starts the discovery server of a mesh, and gives it the secrets of every Envoy. Disposing of it
 * ends both.
 * @param options.directory the run's folder, and `home` the mesh file's, both absolute
 * @throws MeshwrightError as `MeshIdentity.start`, and `port-taken` where it cannot listen
 */
export async function startDiscovery(
  mesh: Mesh,
  options: {
    readonly directory: string;
    readonly home: string;
    readonly onEvent: (event: RunEvent) => void;
  },
): Promise<IdentifiedDiscovery> {
  if (!needsCertificates(mesh)) {
    const discovery = await DiscoveryServer.start();
    return { discovery, [Symbol.asyncDispose]: () => discovery[Symbol.asyncDispose]() };
  }
  const folder = path.join(options.directory, IDENTITY_FOLDER);
  const socket = await privateSocket(options.directory);
  const discovery = await DiscoveryServer.startAtSocket(socket.path);
  const over = async () => {
    await discovery[Symbol.asyncDispose]();
    await socket[Symbol.asyncDispose]();
  };
  try {
    const identity = await MeshIdentity.start(mesh, meshEnvoys(mesh), {
      folder,
      give: async (envoy, secrets) => {
        for (const secret of secrets) discovery.secrets(envoy).keep(secret);
      },
      onEvent: options.onEvent,
      hosts: hostCertificates(mesh, options.home),
    });
    return {
      discovery,
      identity,
      [Symbol.asyncDispose]: async () => {
        identity[Symbol.dispose]();
        await over();
      },
    };
  } catch (error) {
    await over();
    throw error;
  }
}
