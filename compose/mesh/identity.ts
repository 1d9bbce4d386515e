// Who the Envoys of a mesh are to each other: each service, and the gateway, has a name of its own
// in the mesh's trust domain (SPIFFE).

import { z } from "zod";
import { duration, millisecondsOf } from "../../filters/shared/rule-schema.js";
import { GATEWAY } from "./names.js";

const MODES = ["strict", "permissive", "off"] as const;

export type IdentityMode = (typeof MODES)[number];

const DEFAULTS = { mode: "strict", trustDomain: "mesh.local", rotate: "1h" } as const;

export const identitySchema = z.strictObject({
  mode: z
    .enum(MODES, { error: `must be one of ${MODES.join(", ")}` })
    .optional()
    .describe(
      "strict: sidecars take calls by mutual TLS alone; permissive: plain calls too; off: everything is plain. Default strict.",
    ),
  trustDomain: z
    .string()
    .regex(/^[a-z0-9._-]{1,255}$/, "must be 1 to 255 of a-z, 0-9, '.', '_' and '-', such as mesh.local")
    .optional()
    .describe("The part after spiffe:// in each certificate. Default mesh.local."),
  rotate: duration("1s", "24h")
    .optional()
    .describe("How often each Envoy gets a new certificate, which is valid for longer. Default 1h."),
});

export interface Identity {
  readonly mode: IdentityMode;
  readonly trustDomain: string;
  readonly rotateMs: number;
}

/** The part of a mesh file that decides about identity. */
export interface IdentifiedMesh {
  readonly name: string;
  readonly services?: Readonly<Record<string, unknown>>;
  readonly identity?: z.output<typeof identitySchema> | undefined;
}

export function identityOf({ identity = {} }: IdentifiedMesh): Identity {
  const { mode = DEFAULTS.mode, trustDomain = DEFAULTS.trustDomain, rotate = DEFAULTS.rotate } = identity;
  return { mode, trustDomain, rotateMs: millisecondsOf(rotate) ?? 0 };
}

/** The same mesh, whose Envoys speak plainly, for whoever has no certificates for them. */
export function plainMesh<Mesh extends IdentifiedMesh>(mesh: Mesh): Mesh {
  return { ...mesh, identity: { mode: "off" } };
}

/** Whether any Envoy of the mesh needs a certificate. */
export function needsCertificates(
  mesh: IdentifiedMesh & { readonly gateway: { readonly tls?: unknown } },
): boolean {
  return identityOf(mesh).mode !== "off" || mesh.gateway.tls !== undefined;
}

/** The service whose identity an Envoy has; the gateway has one that no service has. */
export function accountOf(
  { services }: Pick<IdentifiedMesh, "services">,
  { app }: { readonly app?: { readonly service: string } },
): string {
  if (app !== undefined) return app.service;
  return Object.hasOwn(services ?? {}, GATEWAY) ? `mesh_${GATEWAY}` : GATEWAY;
}

/** How the name of everything in a mesh begins. */
export function spiffePrefix(mesh: IdentifiedMesh): string {
  return `spiffe://${identityOf(mesh).trustDomain}/ns/${mesh.name}/sa/`;
}

/** @param account a service, or the gateway */
export function spiffeId(mesh: IdentifiedMesh, account: string): string {
  return `${spiffePrefix(mesh)}${account}`;
}
