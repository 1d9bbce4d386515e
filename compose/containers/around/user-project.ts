// The compose project around which a mesh is put, as `docker compose config --format json` prints
// it: merged, interpolated, with absolute paths.

/** A service's place in a network. */
export interface UserEndpoint {
  readonly aliases?: readonly string[];
  readonly [key: string]: unknown;
}

export interface UserPort {
  readonly target: number;
  readonly published?: string | number;
  readonly host_ip?: string;
  readonly protocol?: string;
}

/** A service of the project, as far as it is read here. */
export interface UserService {
  readonly container_name?: string;
  readonly network_mode?: string;
  readonly networks?: Readonly<Record<string, UserEndpoint | null>>;
  readonly ports?: readonly UserPort[];
  readonly links?: readonly string[];
  readonly extra_hosts?: readonly string[];
  readonly sysctls?: Readonly<Record<string, unknown>>;
  readonly scale?: number;
  readonly deploy?: { readonly replicas?: number; readonly mode?: string } | null;
  readonly profiles?: readonly string[];
  readonly [key: string]: unknown;
}

export interface UserProject {
  readonly name: string;
  readonly services: Readonly<Record<string, UserService>>;
  readonly networks?: Readonly<Record<string, { readonly enable_ipv6?: boolean } | null>>;
}

/** The names by which others on its networks reach a service. */
export function namesOf(project: UserProject, service: string): readonly string[] {
  const { networks = {}, container_name } = project.services[service] ?? {};
  const aliases = Object.values(networks).flatMap((endpoint) => endpoint?.aliases ?? []);
  return [...new Set([service, ...aliases, ...(container_name === undefined ? [] : [container_name])])];
}

/** The names of a service's networks; compose gives a service that says none the default one. */
export function networksOf(project: UserProject, service: string): readonly string[] {
  return Object.keys(project.services[service]?.networks ?? { default: null });
}

/** The other names that a service gives to those that it links. */
export function linksOf(
  project: UserProject,
  service: string,
): readonly { readonly target: string; readonly alias: string }[] {
  return (project.services[service]?.links ?? []).map((link) => {
    const [target = "", alias = target] = link.split(":");
    return { target, alias };
  });
}

/** How often a service runs. */
export function replicasOf({ scale, deploy }: UserService): number {
  return scale ?? deploy?.replicas ?? 1;
}
