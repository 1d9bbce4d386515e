// Which services the gateway leads to, and on which port it listens.

import { MeshwrightError } from "../../envoy/errors.js";
import { listed } from "../../envoy/problems.js";
import type { ProjectModel } from "../project/model.js";
import type { FoundRoute, FoundService } from "./facts.js";

export const DEFAULT_PORT = 10_000;
/** What people call the service that a browser talks to. */
const FRONT_NAMES =
  /^(gateway|ingress|proxy|nginx|traefik|caddy|web|www|frontend|front|front-end|ui|webapp|storefront|site|app)\b/i;
const FRONT_PORTS = ["80", "8080", "3000", "8000", "5000", "443"];

/** A route that a person asks for. */
export interface AskedRoute {
  readonly prefix: string;
  readonly service: string;
}

/**
 * The gateway's routes: those that are asked for, or one to the service that stands in front.
 * @throws MeshwrightError `usage` for a service that cannot be behind the gateway, `configuration`
 * where there is none
 */
export function routesOf(
  services: readonly FoundService[],
  model: ProjectModel,
  asked: readonly AskedRoute[],
): readonly FoundRoute[] {
  const http = services.filter(({ port, protocol }) => port !== undefined && protocol.value !== "tcp");
  if (asked.length > 0) return asked.map((route) => askedRoute(route, services, http));
  const isPublished = ({ compose, port }: FoundService) =>
    (model.services[compose]?.ports ?? []).some(({ target }) => target === port?.value);
  const published = http.filter(isPublished).toSorted((a, b) => rank(a, model) - rank(b, model));
  const [first, ...others] = published;
  if (first !== undefined) {
    const ports = (service: FoundService) => publishedAt(service, model);
    const offers = others.map((service) => ({
      prefix: `/${service.name}`,
      service: service.compose,
      reason: `it publishes ${ports(service)} too; choose a prefix that it serves`,
      isOffer: true,
    }));
    return [
      ...offers,
      { prefix: "/", service: first.compose, reason: `it publishes ${ports(first)}`, isOffer: false },
    ];
  }
  const called = new Set(services.flatMap(({ calls }) => calls.map(({ service }) => service)));
  const top = http.find(({ compose }) => !called.has(compose)) ?? http[0];
  if (top !== undefined) {
    return [
      { prefix: "/", service: top.compose, reason: "no service publishes HTTP; a guess", isOffer: false },
    ];
  }
  throw new MeshwrightError(
    "configuration",
    "no service of the project is known to speak HTTP, so the gateway has nowhere to lead: name one by --route /=SERVICE, where its port is known",
  );
}

function askedRoute(
  { prefix, service }: AskedRoute,
  services: readonly FoundService[],
  http: readonly FoundService[],
): FoundRoute {
  const found = services.find(({ name, compose }) => service === compose || service === name);
  if (found?.port === undefined) {
    const names = listed(http.map(({ compose }) => compose)) || "there is none";
    const why = found === undefined ? "is not in the mesh" : "takes no connections";
    throw new MeshwrightError(
      "usage",
      `--route ${prefix}=${service}: ${service} ${why}; choose from: ${names}`,
    );
  }
  return { prefix, service: found.compose, reason: "asked for by --route", isOffer: false };
}

/** The lower, the more likely it stands in front. */
function rank({ compose }: FoundService, { services }: ProjectModel): number {
  const ports = services[compose]?.ports ?? [];
  const places = ports
    .map(({ published = "" }) => FRONT_PORTS.indexOf(published))
    .filter((place) => place >= 0);
  return (FRONT_NAMES.test(compose) ? 0 : FRONT_PORTS.length + 1) + Math.min(FRONT_PORTS.length, ...places);
}

function publishedAt({ compose, port }: FoundService, { services }: ProjectModel): string {
  const own = (services[compose]?.ports ?? []).filter(({ target }) => target === port?.value);
  return own.map(({ published }) => (published === undefined ? "a port" : `port ${published}`)).join(" and ");
}

/** The gateway's port: the default, or the next one that no service publishes. */
export function gatewayPort({ services }: ProjectModel): number {
  const taken = new Set(
    Object.values(services).flatMap(({ ports = [] }) =>
      ports.flatMap(({ published = "" }) => {
        const [from = 0, to = from] = published.split("-").map(Number);
        return Array.from({ length: Math.min(to - from, 1_000) + 1 }, (_, i) => from + i);
      }),
    ),
  );
  let port = DEFAULT_PORT;
  while (taken.has(port)) port++;
  return port;
}
