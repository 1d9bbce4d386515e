// Identity in a mesh of containers: each Envoy reads its secrets from files of its own folder, and
// reads them again when new ones are put in their place.

import path from "node:path";
import { writeSecret } from "../containers/run-files.js";
import type { RunEvent } from "../events.js";
import { hostCertificates } from "../mesh/gateway-tls.js";
import { needsCertificates } from "../mesh/identity.js";
import type { Mesh } from "../mesh/shape.js";
import { meshEnvoys } from "../mesh/topology.js";
import { IDENTITY_FOLDER } from "../run-directory.js";
import { MeshIdentity } from "./mesh-identity.js";

/**
 * Writes the secrets of every Envoy, and new ones from then on; nothing where everything is plain.
 * @param options.directory the run's folder, and `home` the mesh file's, both absolute
 * @throws MeshwrightError as `MeshIdentity.start`
 */
export async function startIdentity(
  mesh: Mesh,
  options: {
    readonly directory: string;
    readonly home: string;
    readonly onEvent: (event: RunEvent) => void;
  },
): Promise<MeshIdentity | undefined> {
  const { directory, home, onEvent } = options;
  if (!needsCertificates(mesh)) return undefined;
  return MeshIdentity.start(mesh, meshEnvoys(mesh), {
    folder: path.join(directory, IDENTITY_FOLDER),
    give: async (envoy, secrets) => {
      for (const secret of secrets) await writeSecret(directory, envoy, secret);
    },
    onEvent,
    hosts: hostCertificates(mesh, home),
  });
}
