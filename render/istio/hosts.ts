// Where things are in a cluster: services of the mesh, and what a URL in a mesh file names.

import { isIP } from "node:net";
import { type ParsedUpstream, parseUpstreamUrl, type UpstreamAddress } from "../../compose/upstream-url.js";
import type { IstioOptions } from "./options.js";

/** Where a name leads. */
export interface HostPlace {
  /** The host by which Istio knows it. */
  readonly host: string;
  readonly port: number;
  /** Its namespace, where it is a Service of this cluster. */
  readonly namespace?: string;
  /** What a ServiceEntry must say, where it is none. */
  readonly external?: UpstreamAddress;
  /** Whether the file names an address of one machine, in whose place the Service is meant. */
  readonly isLocal?: true;
}

/** The host of a Kubernetes Service. */
export function serviceHost(
  name: string,
  { namespace, clusterDomain }: Pick<IstioOptions, "namespace" | "clusterDomain">,
): string {
  return `${name}.${namespace}.svc.${clusterDomain}`;
}

/**
 * What a URL names. An address of the machine itself is the Service `name`: on a laptop everything
 * is there, and a cluster has it by name.
 */
export function placeOfUrl(url: string, name: string, options: IstioOptions): HostPlace {
  const parsed: ParsedUpstream = parseUpstreamUrl(url);
  if (!parsed.ok) throw new Error(`${url}: ${parsed.reason}`);
  const { address, port, tls } = parsed.value;
  const { namespace, clusterDomain } = options;
  if (isLoopback(address)) return { host: serviceHost(name, options), port, namespace, isLocal: true };
  const [, service, of = namespace] = IN_CLUSTER.exec(address) ?? [];
  if (service !== undefined) return { host: `${service}.${of}.svc.${clusterDomain}`, port, namespace: of };
  const host = isIP(address) === 0 ? address : `${name}.${namespace}.external`;
  // A sidecar begins the TLS, and its caller speaks HTTP to it, on HTTP's own port.
  return { host, port: tls ? 80 : port, external: parsed.value };
}

/** `NAME` or `NAME.NAMESPACE.svc`, with the cluster's domain or without it. */
const IN_CLUSTER = /^([a-z0-9-]+)(?:\.([a-z0-9-]+)\.svc(?:\..+)?)?$/;

function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || /^127\.|^0\.0\.0\.0$/.test(address);
}

/** The name that Istio gives to the cluster of a host, which filters need for their own calls. */
export function clusterName({ host, port }: HostPlace): string {
  return `outbound|${port}||${host}`;
}
