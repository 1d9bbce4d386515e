// What a mesh adds to a compose project for a version that is one of its services: the pod takes
// its place on the networks, and the service itself joins the pod.

import type { ServicePlan } from "../../mesh/plan-service.js";
import type { Mesh } from "../../mesh/shape.js";
import type { ComposeService, Part } from "../compose-project.js";
import { literal } from "../interpolation.js";
import { sidecarName } from "../part-names.js";
import { calledAddress, calledPort, PORTS } from "../places.js";
import { calledNames, composeOf, meshNetworks, podsByCompose, usesIpv6 } from "./around.js";
import { redirectRules } from "./rules.js";
import {
  linksOf,
  namesOf,
  replicasOf,
  type UserEndpoint,
  type UserProject,
  type UserService,
} from "./user-project.js";

/** What of a service is its network's, and so its pod's. */
const OF_THE_POD = [
  "dns",
  "dns_search",
  "dns_opt",
  "hostname",
  "domainname",
  "mac_address",
  "external_links",
];
/** What a service in another's network namespace may not have. */
const TAKEN_AWAY = [...OF_THE_POD, "ports", "networks", "links", "extra_hosts", "expose"];

/**
 * What a version's pod has of its own, beside what all pods have.
 * @param envoyUser the number of the sidecar's user
 */
export function podInProject(
  mesh: Mesh,
  project: UserProject,
  plan: ServicePlan,
  envoyUser: number,
): ComposeService {
  const { service, version } = plan;
  const compose = composeOf(mesh, service, version);
  const own = compose === undefined ? {} : (project.services[compose] ?? {});
  const hosts = calledHosts(mesh, project, service, compose);
  const links = uncalledLinks(mesh, project, compose, hosts);
  const extra = [...hosts].map(([name, address]) => `${name}:${address}`);
  const isFree = (entry: string) => !hosts.has(entry.split(/[:=]/)[0] ?? "");
  return {
    command: podRules(mesh, project, plan, envoyUser).map(literal),
    networks: compose === undefined ? everywhere(mesh, project) : endpoints(project, compose),
    ...present(own, [...OF_THE_POD, "ports"]),
    ...(links.length === 0 ? {} : { links }),
    extra_hosts: [...(own.extra_hosts ?? []).filter(isFree), ...extra],
    ...sysctls(own, (name) => name.startsWith("net.")),
  };
}

function podRules(mesh: Mesh, project: UserProject, { service, compose }: ServicePlan, envoyUser: number) {
  const { calls = [], port } = mesh.services[service] ?? {};
  const onlyCalls = compose !== undefined && port === undefined;
  return redirectRules({
    calls: calls.map((called, i) => ({
      address: calledAddress(mesh, called),
      port: calledPort(mesh, called),
      listener: PORTS.outbound + i,
    })),
    appPort: onlyCalls ? undefined : calledPort(mesh, service),
    ipv6: usesIpv6(project),
    envoyUser,
  });
}

/** The loopback addresses of called services, by every name that they have. */
function calledHosts(
  mesh: Mesh,
  project: UserProject,
  service: string,
  compose: string | undefined,
): ReadonlyMap<string, string> {
  const hosts = new Map<string, string>();
  for (const called of mesh.services[service]?.calls ?? []) {
    for (const name of calledNames(mesh, project, called, compose)) {
      if (!hosts.has(name)) hosts.set(name, calledAddress(mesh, called));
    }
  }
  return hosts;
}

/** Links to services that are not called: those in the mesh are where their pods are. */
function uncalledLinks(
  mesh: Mesh,
  project: UserProject,
  compose: string | undefined,
  called: ReadonlyMap<string, string>,
): readonly string[] {
  const pods = podsByCompose(mesh);
  return (compose === undefined ? [] : linksOf(project, compose))
    .filter(({ alias }) => !called.has(alias))
    .map(({ target, alias }) => `${pods.get(target) ?? target}:${alias}`);
}

/** The service's places on its networks, by all of its names. */
function endpoints(project: UserProject, compose: string): Readonly<Record<string, UserEndpoint>> {
  const names = namesOf(project, compose);
  const networks = project.services[compose]?.networks ?? { default: null };
  return Object.fromEntries(
    Object.entries(networks).map(([network, endpoint]) => {
      const shared = [compose, ...names.filter((name) => name === project.services[compose]?.container_name)];
      const aliases = [...new Set([...shared, ...(endpoint?.aliases ?? [])])];
      return [network, { ...endpoint, aliases }];
    }),
  );
}

function everywhere(mesh: Mesh, project: UserProject): Readonly<Record<string, null>> {
  return Object.fromEntries(meshNetworks(mesh, project).map((network) => [network, null]));
}

/** What the mesh changes at the service itself, as an override that compose merges. */
export function memberOverride(project: UserProject, plan: ServicePlan, common: ComposeService): Part {
  const compose = plan.compose ?? "";
  const own = project.services[compose] ?? {};
  const away = TAKEN_AWAY.filter((key) => key in own || key === "networks" || key === "ports");
  const system = sysctls(own, (name) => !name.startsWith("net."));
  return {
    own: {
      ...common,
      network_mode: `service:${plan.name}`,
      ...Object.fromEntries(away.map((key) => [key, null])),
      ...("sysctls" in own ? { sysctls: system.sysctls ?? null } : {}),
      ...(replicasOf(own) > 1 ? { scale: 1, deploy: { replicas: 1 } } : {}),
      depends_on: { [sidecarName(plan.name)]: { condition: "service_healthy" } },
    },
    tags: {
      ...Object.fromEntries(away.map((key) => [key, "!reset" as const])),
      ...("sysctls" in own ? { sysctls: system.sysctls ? ("!override" as const) : ("!reset" as const) } : {}),
    },
  };
}

function sysctls(own: UserService, isMeant: (name: string) => boolean): { sysctls?: object } {
  const meant = Object.entries(own.sysctls ?? {}).filter(([name]) => isMeant(name));
  return meant.length === 0 ? {} : { sysctls: Object.fromEntries(meant) };
}

function present(own: UserService, keys: readonly string[]): ComposeService {
  return Object.fromEntries(keys.filter((key) => key in own).map((key) => [key, own[key]]));
}
