// What a merged model says without being told: the project's name, the network that all services
// share, the dependencies of links, and the variables of files.

import path from "node:path";
import { lookupIn, readVariables, type Variables } from "./environment.js";
import type { ProjectModel, ProjectService } from "./model.js";
import { refused } from "./problem.js";
import { type Dict, isDict, itemsOf, textOf } from "./values.js";

interface Completion {
  readonly folder: string;
  readonly variables: Variables;
  readonly profiles: readonly string[];
  /** `file:line:column` of a part of the model. */
  readonly placeOf: (path: readonly PropertyKey[]) => string;
}

export interface Completed {
  readonly model: ProjectModel;
  readonly inactive: Readonly<Record<string, readonly string[]>>;
}

/** @throws MeshwrightError `configuration` */
export async function complete(merged: Dict, how: Completion): Promise<Completed> {
  const all = Object.entries(isDict(merged.services) ? merged.services : {});
  const services: Record<string, ProjectService> = {};
  const inactive: Record<string, readonly string[]> = {};
  for (const [name, service] of all) {
    const own = itemsOf((service as Dict).profiles).map(String);
    if (isActive(own, how.profiles)) services[name] = await completeService(name, service as Dict, how);
    else inactive[name] = own;
  }
  for (const [name, service] of Object.entries(services)) checkDependencies(name, service, services, how);
  const name = projectName(textOf(merged.name) ?? "", how);
  return { model: { ...merged, name, services } as ProjectModel, inactive };
}

/** The profiles that are asked for in COMPOSE_PROFILES. */
export function profilesOf(variables: Variables): readonly string[] {
  return (variables.COMPOSE_PROFILES ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function isActive(own: readonly string[], asked: readonly string[]): boolean {
  return own.length === 0 || asked.includes("*") || own.some((profile) => asked.includes(profile));
}

/** What the shell says counts before what the file says; else it is the folder's name. */
function projectName(said: string, { folder, variables }: Completion): string {
  const name = variables.COMPOSE_PROJECT_NAME || said || path.basename(folder);
  return name
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, "")
    .replace(/^[_-]+/, "");
}

async function completeService(name: string, service: Dict, how: Completion): Promise<ProjectService> {
  const { env_file: _files, ...rest } = service;
  const environment = await variablesOf(service, name, how);
  const dependencies = { ...implied(service), ...asDict(service.depends_on) };
  const networks = asDict(service.networks);
  const hasNetworks = service.network_mode === undefined;
  const build = asDict(service.build);
  return {
    ...rest,
    ...(Object.keys(environment).length === 0 ? {} : { environment }),
    ...(Object.keys(dependencies).length === 0 ? {} : { depends_on: dependencies }),
    ...(hasNetworks ? { networks: Object.keys(networks).length === 0 ? { default: null } : networks } : {}),
    ...(service.build === undefined ? {} : { build: { ...dockerfile(build), ...build } }),
  } as unknown as ProjectService;
}

function asDict(value: unknown): Dict {
  return isDict(value) ? value : {};
}

function dockerfile(build: Dict): Dict {
  return build.dockerfile_inline === undefined ? { dockerfile: "Dockerfile" } : {};
}

async function variablesOf(service: Dict, name: string, how: Completion): Promise<Dict> {
  const own = asDict(service.environment);
  const shell = lookupIn(how.variables);
  let variables: Readonly<Record<string, string>> = {};
  for (const [i, file] of itemsOf(service.env_file).entries()) {
    const { path: place, required, format } = file as { path: string; required: boolean; format?: string };
    variables = await readVariables(place, {
      lookup: (each) => shell(each) ?? textOf(own[each]),
      raw: format === "raw",
      isOptional: !required,
      earlier: variables,
      shown: `${how.placeOf(["services", name, "env_file", i])}: ${place}`,
    });
  }
  return { ...variables, ...own };
}

/** The services whose names stand in other keys than `depends_on`. */
function implied(service: Dict): Dict {
  const links = itemsOf(service.links).map((link) => String(link).split(":")[0] ?? "");
  const namespaces = ["network_mode", "ipc", "pid", "uts", "cgroup"].flatMap((key) => {
    const [, shared] = /^service:(.+)$/.exec(String(service[key])) ?? [];
    return shared === undefined ? [] : [shared];
  });
  const volumes = itemsOf(service.volumes_from).flatMap((from) => {
    const [source = ""] = String(from).split(":");
    return source === "container" ? [] : [source];
  });
  const as = (restart: boolean) => (name: string) =>
    [name, { condition: "service_started", restart, required: true }] as const;
  return Object.fromEntries([...volumes.map(as(false)), ...[...links, ...namespaces].map(as(true))]);
}

function checkDependencies(
  name: string,
  service: ProjectService,
  services: Readonly<Record<string, ProjectService>>,
  { placeOf }: Completion,
): void {
  for (const [other, { required }] of Object.entries(service.depends_on ?? {})) {
    if (other in services || !required) continue;
    throw refused(
      placeOf(["services", name, "depends_on", other]),
      `services.${name} depends on ${other}, which is not in the project or not in an active profile`,
    );
  }
}
