// Reads what a person says about the cluster on the command line.

import { MeshwrightError } from "../../envoy/errors.js";
import { nameProblem } from "../names.js";

/** The values of the options, as they were written. */
export interface GatewayWords {
  readonly namespace?: string;
  readonly gateway?: string;
  readonly gatewayClass?: string;
  readonly gatewayPort?: string;
  readonly host?: readonly string[];
  readonly port?: string;
  readonly route?: readonly string[];
  readonly failOpen?: true;
  readonly leaveOut?: true;
}

export interface GatewayOptions {
  readonly namespace: string;
  /** A Gateway that exists; undefined: one is written. */
  readonly gateway: string | undefined;
  readonly gatewayClass: string;
  readonly gatewayPort: number;
  /** Empty: every host. */
  readonly hosts: readonly string[];
  /** The port of Services. */
  readonly port: number;
  /** The HTTPRoutes, or rules of them, that filters' files are for; empty: the whole Gateway. */
  readonly routes: readonly RouteTarget[];
  /** Whether requests pass where a module cannot be fetched, or has trapped. */
  readonly failOpen: boolean;
  /** Whether what has no word is told and not refused. */
  readonly leaveOut: boolean;
}

/** An HTTPRoute, or one of its rules. */
export interface RouteTarget {
  readonly name: string;
  readonly rule: string | undefined;
}

const HOST = /^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/** @throws MeshwrightError `usage` */
export function parseGatewayWords(words: GatewayWords): GatewayOptions {
  return {
    namespace: named("--namespace", words.namespace ?? "default"),
    gateway: words.gateway === undefined ? undefined : named("--gateway", words.gateway),
    gatewayClass: named("--gateway-class", words.gatewayClass ?? "eg"),
    gatewayPort: portOf("--gateway-port", words.gatewayPort ?? "80"),
    hosts: (words.host ?? []).map(hostOf),
    port: portOf("--port", words.port ?? "8080"),
    routes: (words.route ?? []).map(routeTarget),
    failOpen: words.failOpen === true,
    leaveOut: words.leaveOut === true,
  };
}

function named(option: string, text: string): string {
  const problem = nameProblem(text);
  if (problem === undefined) return text;
  throw new MeshwrightError("usage", `${option} ${text}: ${problem}`);
}

/** Reads `NAME` and `NAME/RULE`. */
function routeTarget(text: string): RouteTarget {
  const [, name = "", rule] = /^([^/]*)(?:\/(.*))?$/.exec(text) ?? [];
  return {
    name: named("--route", name),
    rule: rule === undefined ? undefined : named(`--route ${name}/${rule}: the rule`, rule),
  };
}

function hostOf(text: string): string {
  if (HOST.test(text) && text.length <= 253) return text;
  throw new MeshwrightError(
    "usage",
    `--host ${text}: write a host in lower case without a port, as in shop.example or *.shop.example`,
  );
}

function portOf(option: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new MeshwrightError("usage", `${option} ${text}: must be a number from 1 to 65535`);
}
