// TLS from clients at the gateway: the hosts that it answers for, each with a certificate of its
// own, which comes by secret discovery like all others.

import path from "node:path";
import { z } from "zod";

const file = z.string().min(1, "must not be empty");

export const gatewayTlsSchema = z
  .array(
    z
      .strictObject({
        host: z
          .string()
          .max(253, "must have at most 253 characters")
          .regex(
            /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
            "must be a host's name in lower case, such as shop.localhost or *.shop.example",
          )
          .describe("The name that clients ask for (SNI); *.shop.example is every name below it."),
        certificate: file
          .optional()
          .describe("A file of the certificate and those between it and its authority, in PEM."),
        key: file.optional().describe("The file of its key, in PEM."),
      })
      .refine(
        ({ certificate, key }) => (certificate === undefined) === (key === undefined),
        "must have certificate and key, or neither, for a certificate of the mesh's own authority",
      ),
  )
  .min(1, "must name at least one host")
  .refine(
    (list) => new Set(list.map(({ host }) => host)).size === list.length,
    "names a host twice: keep one of them",
  );

export type GatewayTls = z.output<typeof gatewayTlsSchema>;

/** The certificate of one host at the gateway. */
export interface HostCertificate {
  /** The name of its secret in Envoy. */
  readonly secret: string;
  readonly host: string;
  /** The files that a person gave, absolute; absent for one of the mesh's own authority. */
  readonly files?: { readonly certificate: string; readonly key: string };
}

interface TlsMesh {
  readonly gateway: { readonly tls?: GatewayTls | undefined };
}

/** @param home the mesh file's folder, absolute */
export function hostCertificates({ gateway }: TlsMesh, home: string): readonly HostCertificate[] {
  return (gateway.tls ?? []).map(({ host, certificate, key }, i) => ({
    secret: hostSecret(i),
    host,
    ...(certificate === undefined || key === undefined
      ? {}
      : { files: { certificate: path.resolve(home, certificate), key: path.resolve(home, key) } }),
  }));
}

/** How a client on this machine reaches a gateway that speaks TLS. */
export interface ClientDoor {
  /** The host that it asks for: the first of the file. */
  readonly host: string;
  /** Whom it trusts; undefined where a person has given the certificate. */
  readonly authorityFile: string | undefined;
}

/** @param authorityFile of the mesh's own authority; undefined where the gateway speaks plainly */
export function clientDoor({ gateway }: TlsMesh, authorityFile: string): ClientDoor | undefined {
  const [first] = gateway.tls ?? [];
  if (first === undefined) return undefined;
  const isOwn = first.certificate === undefined;
  return {
    host: first.host.replace(/^\*\./, "www."),
    authorityFile: isOwn ? authorityFile : undefined,
  };
}

/** The name of a host's secret in Envoy. @param index in the file, from 0 */
export function hostSecret(index: number): string {
  return `host-${index + 1}`;
}
