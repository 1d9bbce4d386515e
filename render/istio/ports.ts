// The ports of services and of the gateway in a cluster. A mesh file has none: its ports are those
// of one machine.

import { MeshwrightError } from "../../envoy/errors.js";

/** A port of a Kubernetes Service. */
export interface ServicePort {
  /** The Service's, at which it is called. */
  readonly port: number;
  /** The pods', at which the app listens. */
  readonly target: number;
}

export interface Ports {
  /** By service. */
  readonly services: ReadonlyMap<string, ServicePort>;
  /** Of every other service. */
  readonly fallback: ServicePort;
}

const FALLBACK: ServicePort = { port: 8080, target: 8080 };

/**
 * Reads `PORT`, `PORT:TARGET`, `SERVICE=PORT` and `SERVICE=PORT:TARGET`.
 * @throws MeshwrightError `usage`
 */
export function parsePorts(words: readonly string[]): Ports {
  const services = new Map<string, ServicePort>();
  let fallback: ServicePort | undefined;
  for (const word of words) {
    const [, service, text = ""] = /^(?:([^=]+)=)?(.*)$/.exec(word) ?? [];
    const port = parseServicePort("--port", word, text);
    if (service === undefined) {
      if (fallback !== undefined) throw usage(`--port ${word}: a port for all services is given twice`);
      fallback = port;
    } else if (services.has(service)) throw usage(`--port ${service}=… is given twice`);
    else services.set(service, port);
  }
  return { services, fallback: fallback ?? FALLBACK };
}

export function portOf({ services, fallback }: Ports, service: string): ServicePort {
  return services.get(service) ?? fallback;
}

/** The ports of the gateway: the one of its Service, and those at which its pods may listen. */
export interface GatewayPorts {
  readonly port: number;
  readonly listeners: readonly number[];
}

/** The pods of Istio's charts listen on the Service's port or, without privileges, on 8080. */
const GATEWAY: GatewayPorts = { port: 80, listeners: [80, 8080] };

/** Reads `PORT` and `PORT:TARGET`. @throws MeshwrightError `usage` */
export function parseGatewayPort(word: string | undefined): GatewayPorts {
  if (word === undefined) return GATEWAY;
  const { port, target } = parseServicePort("--gateway-port", word, word);
  return { port, listeners: [target] };
}

function parseServicePort(option: string, word: string, text: string): ServicePort {
  const [, port = "", target = port] = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(text) ?? [];
  const both = { port: Number(port), target: Number(target) };
  if ([both.port, both.target].every((each) => each >= 1 && each <= 65_535)) return both;
  throw usage(
    `${option} ${word}: a port is from 1 to 65535, and PORT:TARGET where the pods have another one`,
  );
}

function usage(message: string): MeshwrightError {
  return new MeshwrightError("usage", message);
}
