// The certificates of one mesh: for each Envoy one that names its service.

import { issueCertificate, type KeyPair, type Validity } from "../../envoy/certificates/authority.js";
import { certificateSecret, type Secret, trustSecret } from "../../envoy/config/secret.js";
import { accountOf, type IdentifiedMesh, identityOf, spiffeId } from "../mesh/identity.js";
import { CERTIFICATE_SECRET, TRUST_SECRET } from "../mesh/tls.js";
import type { MeshEnvoy } from "../mesh/topology.js";
import { MARGIN_MS, type Roots } from "./roots.js";

const HOUR_MS = 3_600_000;
/** A certificate outlives some rotations that fail, or a machine that sleeps for a while. */
const LIFE_IN_ROTATIONS = 3;

/** How long a certificate is valid that is issued now; never longer than its authority. */
export function validityOf(mesh: IdentifiedMesh, roots: Roots, now: number): Validity {
  const life = Math.max(HOUR_MS, LIFE_IN_ROTATIONS * identityOf(mesh).rotateMs);
  return { notBefore: now - MARGIN_MS, notAfter: Math.min(now + life, roots.end) };
}

/** A new key and certificate for an Envoy, and whom it trusts. */
export async function envoySecrets(
  mesh: IdentifiedMesh,
  envoy: MeshEnvoy,
  roots: Roots,
  now: number,
): Promise<readonly Secret[]> {
  const account = accountOf(mesh, envoy);
  const validity = validityOf(mesh, roots, now);
  const own: KeyPair = await issueCertificate(
    roots.issuer,
    { name: account, uris: [spiffeId(mesh, account)] },
    validity,
  );
  return [trustSecret(TRUST_SECRET, roots.trust), certificateSecret(CERTIFICATE_SECRET, own)];
}
