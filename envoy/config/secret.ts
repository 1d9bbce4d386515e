// Secrets: certificates with their keys, and authorities, that Envoy gets from a discovery server
// or from a file (secret discovery, SDS) and may get anew while it runs.
import type { DiscoverySource, FileSource } from "./discovery-source.js";
import { typeUrl } from "./typed-config.js";

/** A part of Envoy's configuration that comes by secret discovery, by its name and its source. */
export interface SecretReference {
  readonly name: string;
  readonly sds_config: DiscoverySource | FileSource;
}

/** The fields of Envoy's `Secret`. */
export interface Secret {
  readonly name: string;
  readonly tls_certificate?: {
    readonly certificate_chain: { readonly inline_string: string };
    readonly private_key: { readonly inline_string: string };
  };
  readonly validation_context?: { readonly trusted_ca: { readonly inline_string: string } };
}

export const SECRET_TYPE = typeUrl("envoy.extensions.transport_sockets.tls.v3.Secret");

/** A certificate and its key, both in PEM. */
export function certificateSecret(
  name: string,
  { certificate, key }: { readonly certificate: string; readonly key: string },
): Secret {
  return {
    name,
    tls_certificate: {
      certificate_chain: { inline_string: certificate },
      private_key: { inline_string: key },
    },
  };
}

/** @param authorities certificates in PEM: whom to trust */
export function trustSecret(name: string, authorities: string): Secret {
  return { name, validation_context: { trusted_ca: { inline_string: authorities } } };
}
