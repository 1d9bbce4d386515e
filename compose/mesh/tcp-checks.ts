// The rules for services that take connections of any kind: nothing on the way reads them.

import type { Problem } from "../../envoy/problems.js";
import { urlsOf } from "./instances.js";
import { isTcp } from "./protocols.js";
import type { Mesh, MeshService } from "./shape.js";

const NEEDS_HTTP = ["filters", "timeout", "retries", "allow", "deny", "healthChecks", "mirror"] as const;
const FOR_HTTP = "is for HTTP, and the service's protocol is tcp; leave it out";

/** The problems of one service; their paths begin below it. */
export function tcpProblems(service: MeshService): readonly Problem[] {
  const urls = Object.entries(service.versions).flatMap(([version, how]) =>
    urlsOf(how).map((url, i) => ({
      path: ["versions", version, ...("urls" in how ? ["urls", i] : ["url"])],
      isTcpUrl: /^tcp:/i.test(url),
    })),
  );
  if (!isTcp(service)) {
    return urls
      .filter(({ isTcpUrl }) => isTcpUrl)
      .map(({ path }) => ({ path, reason: 'begins with "tcp://", so the service needs protocol: tcp' }));
  }
  return [
    ...urls
      .filter(({ isTcpUrl }) => !isTcpUrl)
      .map(({ path }) => ({ path, reason: 'must begin with "tcp://", as the service\'s protocol is tcp' })),
    ...NEEDS_HTTP.filter((key) => isSaid(service[key])).map((key) => ({
      path: [key],
      reason: FOR_HTTP,
    })),
    ...(service.loadBalancer?.hashPolicy === undefined
      ? []
      : [{ path: ["loadBalancer", "hashPolicy"], reason: FOR_HTTP }]),
  ];
}

/** Rules of who may call whom read HTTP, and a default that lets a database open would be none. */
export function tcpAccessProblems({ access, services }: Mesh): readonly Problem[] {
  if (access?.denyByDefault !== true) return [];
  return Object.entries(services)
    .filter(([, service]) => isTcp(service))
    .map(([name]) => ({
      path: ["services", name, "protocol"],
      reason: "is tcp, where access.denyByDefault cannot refuse anybody; leave one of the two out",
    }));
}

/** The gateway takes HTTP alone. */
export function tcpRouteProblems({ gateway, services }: Mesh): readonly Problem[] {
  return gateway.routes.flatMap(({ service }, i) =>
    Object.hasOwn(services, service) && isTcp(services[service])
      ? [
          {
            path: ["gateway", "routes", i, "service"],
            reason: `takes no HTTP: the protocol of ${service} is tcp; leave the route out`,
          },
        ]
      : [],
  );
}

function isSaid(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}
