// Egress in a mesh file: the hosts outside that the mesh may reach, through one listener of the
// gateway's Envoy. Apps find it by the variables of an HTTP proxy.

import { z } from "zod";
import type { AccessLogOptions } from "../../../envoy/config/access-log.js";
import type { Cluster } from "../../../envoy/config/cluster.js";
import {
  type AllowedHost,
  forwardProxyCluster,
  forwardProxyListener,
} from "../../../envoy/config/forward-proxy.js";
import type { Listener } from "../../../envoy/config/listener.js";

/** The listener, and what its statistics are called. */
export const EGRESS = "egress";
/** No person can give this name. */
const CLUSTER = "meshwright~egress";
const MAX_HOSTS = 200;
const HTTP_PORT = 80;

const LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
const HOST = new RegExp(`^(\\*\\.)?${LABEL}(\\.${LABEL}){0,20}:[1-9]\\d{0,4}$`);

const hostSchema = z.string().superRefine((text, context) => {
  const reason = hostProblem(text);
  if (reason !== undefined) context.addIssue({ code: "custom", message: reason });
});

function hostProblem(text: string): string | undefined {
  if (/^[a-z]+:\/\//i.test(text)) return "must be HOST:PORT without a scheme, such as api.example.com:443";
  if (text.includes("/")) return "must end after the port: a host is allowed with all of its paths";
  if (/^\*(:\d+)?$/.test(text)) return "would allow everything; name hosts, such as *.example.com:443";
  if (!/:\d+$/.test(text)) return "must name a port, such as api.example.com:443";
  if (!HOST.test(text) || Number(portOf(text)) > 65_535)
    return 'must be HOST:PORT in lower case; a host may begin with "*.", as in *.example.com:443';
  return undefined;
}

const portOf = (text: string) => Number(text.slice(text.lastIndexOf(":") + 1));
const nameOf = (text: string) => text.slice(0, text.lastIndexOf(":"));

export const egressSchema = z.strictObject({
  allow: z
    .array(hostSchema)
    .max(MAX_HOSTS, `must name at most ${MAX_HOSTS} hosts`)
    .superRefine((hosts, context) => {
      for (const [i, host] of hosts.entries()) {
        const before = hosts.slice(0, i);
        const refuse = (message: string) => context.addIssue({ code: "custom", path: [i], message });
        if (before.includes(host)) refuse("is named twice");
        else if (before.some((other) => isSameOverTls(other, host)))
          refuse("has two ports beside 80, and a TLS client names a host without a port; keep one of them");
      }
    })
    .describe("The hosts that may be reached, each as HOST:PORT; *.HOST:PORT is every host below it."),
});

function isSameOverTls(one: string, other: string): boolean {
  return nameOf(one) === nameOf(other) && portOf(one) !== HTTP_PORT && portOf(other) !== HTTP_PORT;
}

type Egress = z.output<typeof egressSchema>;

export interface EgressPlan {
  readonly listener: Listener;
  readonly cluster: Cluster;
}

/** What the gateway's Envoy has for it. */
export function planEgress(
  { allow }: Egress,
  at: { readonly address: string; readonly port: number; readonly accessLog: AccessLogOptions },
): EgressPlan {
  const hosts: readonly AllowedHost[] = allow.map((each) => ({ host: nameOf(each), port: portOf(each) }));
  return {
    listener: forwardProxyListener({ name: EGRESS, cluster: CLUSTER, allow: hosts, ...at }),
    cluster: forwardProxyCluster(CLUSTER),
  };
}

/**
 * The variables by which programs find a proxy. Most know both spellings, curl and Go one of them.
 * @param url the listener's
 * @param inside hosts of the mesh itself
 */
export function proxyVariables(url: string, inside: readonly string[]): Readonly<Record<string, string>> {
  const direct = ["127.0.0.1", "localhost", "::1", ...inside].join(",");
  const variables = { HTTP_PROXY: url, HTTPS_PROXY: url, NO_PROXY: direct };
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => [
      [name, value],
      [name.toLowerCase(), value],
    ]),
  );
}
