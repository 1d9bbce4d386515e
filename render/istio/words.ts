// Reads what a person says about the cluster on the command line.

import { MeshwrightError } from "../../envoy/errors.js";
import { nameProblem } from "../names.js";
import type { Extra, IstioOptions, Omittable, Target } from "./options.js";
import { parseGatewayPort, parsePorts } from "./ports.js";
import { type FailStrategy, parseIstioVersion } from "./version.js";

/** The values of the options, as they were written. */
export interface IstioWords {
  readonly istio?: string;
  readonly namespace?: string;
  readonly for?: string;
  readonly at?: "inbound" | "outbound";
  readonly caller?: readonly string[];
  readonly default?: string;
  readonly protocol?: "http1" | "http2" | "grpc";
  readonly port?: readonly string[];
  readonly gateway?: string;
  readonly gatewayNamespace?: string;
  readonly gatewayAccount?: string;
  readonly gatewayPort?: string;
  readonly useGateway?: string;
  readonly host?: readonly string[];
  readonly appLabel?: string;
  readonly versionLabel?: string;
  readonly clusterDomain?: string;
  readonly phase?: "AUTHN" | "AUTHZ";
  readonly failStrategy?: FailStrategy;
  readonly with?: readonly Extra[];
  readonly without?: readonly Omittable[];
  readonly leaveOut?: boolean;
}

/** What filters call, by name: URLs. */
export interface CalledServices {
  readonly grpcServices: Readonly<Record<string, string>>;
  readonly httpServices: Readonly<Record<string, string>>;
}

const DEFAULT_GATEWAY = "ingressgateway";

/** @throws MeshwrightError `usage` */
export function parseIstioWords(words: IstioWords, called: CalledServices): IstioOptions {
  const namespace = named("--namespace", words.namespace ?? "default");
  const gateway = words.gateway ?? DEFAULT_GATEWAY;
  return {
    minor: words.istio === undefined ? undefined : parseIstioVersion(words.istio),
    namespace,
    clusterDomain: matching("--cluster-domain", words.clusterDomain ?? "cluster.local", HOST),
    labels: {
      app: matching("--app-label", words.appLabel ?? "app", LABEL),
      version: matching("--version-label", words.versionLabel ?? "version", LABEL),
    },
    ports: parsePorts(words.port ?? []),
    gateway: {
      name: matching("--gateway", gateway, LABEL_VALUE),
      namespace: named("--gateway-namespace", words.gatewayNamespace ?? namespace),
      isPlaced: words.gatewayNamespace !== undefined,
      account: matching("--gateway-account", words.gatewayAccount ?? accountOf(gateway), HOST),
      ports: parseGatewayPort(words.gatewayPort),
      hosts: (words.host ?? ["*"]).map((host) => matching("--host", host, GATEWAY_HOST)),
      resource:
        words.useGateway === undefined
          ? undefined
          : matching("--use-gateway", words.useGateway, GATEWAY_RESOURCE),
    },
    target: targetOf(words),
    fallback: words.default === undefined ? undefined : named("--default", words.default),
    protocol: words.protocol,
    ...called,
    phase: words.phase ?? "AUTHZ",
    failStrategy: words.failStrategy,
    extras: new Set(words.with),
    omitted: new Set(words.without),
    leaveOut: words.leaveOut === true,
  };
}

/** The accounts that Istio's operator and its chart make. */
function accountOf(gateway: string): string {
  return gateway === DEFAULT_GATEWAY ? "istio-ingressgateway-service-account" : `istio-${gateway}`;
}

function targetOf(words: IstioWords): Target | undefined {
  const { for: service, at = "outbound", caller = [], gateway } = words;
  const name = service === undefined ? undefined : named("--for", service);
  if (caller.length > 0 && (name === undefined || at === "inbound" || gateway !== undefined)) {
    throw usage("--caller names who calls the service of --for: give it without --gateway and --at inbound");
  }
  if (gateway !== undefined) return { kind: "gateway", ...(name === undefined ? {} : { service: name }) };
  if (name === undefined) return undefined;
  return { kind: "service", name, at, callers: caller.map((each) => named("--caller", each)) };
}

const HOST = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;
const LABEL = /^([a-z0-9.-]+\/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const LABEL_VALUE = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const GATEWAY_HOST = /^(\*|(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?)$/;
const GATEWAY_RESOURCE = /^([a-z0-9-]+\/)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

function matching(option: string, text: string, pattern: RegExp): string {
  if (pattern.test(text)) return text;
  throw usage(`${option} ${text}: Kubernetes does not take this name`);
}

function named(option: string, text: string): string {
  const problem = nameProblem(text);
  if (problem !== undefined) throw usage(`${option}: ${problem}`);
  return text;
}

function usage(message: string): MeshwrightError {
  return new MeshwrightError("usage", message);
}
