// The compose project of a mesh: for every version of a service a pod, which owns a network
// namespace and does nothing, and in that namespace Envoy and the app. So an Envoy or an app that
// ends is started again by itself, and finds the other where it was.

import { allInstances, instancesOf } from "../mesh/instances.js";
import { GATEWAY } from "../mesh/names.js";
import type { ServicePlan } from "../mesh/plan-service.js";
import type { Mesh, MeshVersion } from "../mesh/shape.js";
import { envoyHealth, podHealth } from "./health.js";
import { imageOf } from "./images.js";
import { literal, variable } from "./interpolation.js";
import { awaitedCalls } from "./order.js";
import { calledAddress, PORTS } from "./places.js";
import { BOOTSTRAP_FILE, CONFIGURATION_FOLDER } from "./sources.js";

/** Where apps find the folder that their version names, and Envoys the modules. */
export const APP_FOLDER = "/app";
export const MODULES_FOLDER = "/modules";

/** A service of a compose file, as far as it is written here. */
export type ComposeService = Readonly<Record<string, unknown>>;

/** A service, or what many have in common. */
export interface Part {
  /** The name of what it has in common with others. */
  readonly like?: string;
  readonly own: ComposeService;
}

export interface ComposeProject {
  readonly name: string;
  /** What many services have in common, by the names of the anchors. */
  readonly shared: Readonly<Record<string, Part>>;
  readonly services: Readonly<Record<string, Part>>;
  readonly networks: Readonly<Record<string, object>>;
}

export interface ProjectOptions {
  /** The project's name, which is a part of the containers' names. */
  readonly name: string;
  /** The folder with each Envoy's folder, as the compose file writes it. */
  readonly envoys: string;
  /** How the compose file writes the folder of an app's version. @param folder absolute */
  readonly writtenFolder: (folder: string) => string;
  /** The modules' files, in `MODULES_FOLDER`. */
  readonly modules: readonly string[];
  /** What the engine does with a container that ends. */
  readonly restart: "unless-stopped" | "no";
  /** Labels of every container and network. */
  readonly labels: Readonly<Record<string, string>>;
}

/** The compose service of a pod's Envoy. */
export const sidecarName = (pod: string) => `${pod}-sidecar`;
/** The compose service of a pod's app. */
export const appName = (pod: string) => `${pod}-app`;

/** The compose service that looks whether the modules are there. */
export const MODULES = "modules";
const READ_ONLY = { read_only: true, bind: { create_host_path: false } };

export function composeProject(
  mesh: Mesh,
  services: readonly ServicePlan[],
  options: ProjectOptions,
): ComposeProject {
  const pods = services.flatMap((service) => Object.entries(podServices(mesh, service, options)));
  const { labels } = options;
  return {
    name: options.name,
    shared: sharedParts(options),
    services: {
      [MODULES]: { like: "pod", own: moduleCheck(options.modules) },
      [GATEWAY]: { like: "envoy", own: gateway(mesh, services, options) },
      ...Object.fromEntries(pods),
    },
    networks: {
      // The gateway's way to this machine. Nobody else has one.
      edge: { labels },
      mesh: { labels, ...(isClosed(mesh) ? { internal: true } : {}) },
    },
  };
}

/** Whether the mesh calls nothing outside of it: then its network leads nowhere else. */
function isClosed(mesh: Mesh): boolean {
  const called = { ...mesh.grpcServices, ...mesh.httpServices };
  return Object.keys(called).length === 0 && !allInstances(mesh).some(({ url }) => url !== undefined);
}

function sharedParts({ labels, restart }: ProjectOptions): Readonly<Record<string, Part>> {
  const closed = {
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    restart,
    labels,
    logging: { driver: "json-file", options: { "max-size": "10m", "max-file": "2" } },
  };
  const envoy = { image: variable("ENVOY_IMAGE"), user: variable("ENVOY_USER") };
  const pod = {
    ...envoy,
    entrypoint: ["/usr/bin/sleep", "infinity"],
    // The first process of a container takes no other signal that it does not ask for.
    stop_signal: "SIGKILL",
    mem_limit: "32m",
    cpus: 0.25,
    pids_limit: 32,
  };
  const sidecar = {
    ...envoy,
    command: [
      ...["-c", `${CONFIGURATION_FOLDER}/${BOOTSTRAP_FILE}`, "--disable-hot-restart", "--concurrency", "1"],
      ...["--log-level", "warning", "--component-log-level", "wasm:info"],
      ...["--file-flush-interval-msec", "1000"],
    ],
    depends_on: { [MODULES]: { condition: "service_completed_successfully" } },
    healthcheck: envoyHealth(variable("HEALTH_INTERVAL")),
    mem_limit: variable("ENVOY_MEMORY"),
    cpus: variable("ENVOY_CPUS"),
    pids_limit: 128,
  };
  const app = {
    user: variable("APP_USER"),
    working_dir: APP_FOLDER,
    tmpfs: ["/tmp"],
    mem_limit: variable("APP_MEMORY"),
    cpus: variable("APP_CPUS"),
    pids_limit: 256,
  };
  return {
    closed: { own: closed },
    pod: { like: "closed", own: pod },
    envoy: { like: "closed", own: sidecar },
    app: { like: "closed", own: app },
  };
}

/** Ends well when all modules are there, and otherwise says in one line what to do. */
function moduleCheck(modules: readonly string[]): ComposeService {
  const script =
    'for f; do [ -r "$f" ] || { echo "$f is missing: build the filters first, by npm run build" >&2; exit 1; }; done';
  return {
    entrypoint: ["/bin/bash", "-c", literal(script), MODULES, ...modules],
    restart: "no",
    network_mode: "none",
    volumes: [modulesVolume()],
  };
}

function gateway(mesh: Mesh, services: readonly ServicePlan[], options: ProjectOptions): ComposeService {
  const pods = services.map(({ name }) => [name, { condition: "service_healthy" }] as const);
  return {
    networks: ["edge", "mesh"],
    ports: [
      `${variable("GATEWAY_ADDRESS")}:${variable("GATEWAY_PORT")}:${PORTS.gateway}`,
      `127.0.0.1:${variable("STATUS_PORT")}:${PORTS.status}`,
    ],
    depends_on: {
      [MODULES]: { condition: "service_completed_successfully" },
      ...Object.fromEntries(pods),
    },
    ...outsideHosts(mesh),
    volumes: envoyVolumes(options, GATEWAY),
  };
}

function podServices(mesh: Mesh, plan: ServicePlan, options: ProjectOptions): ComposeProject["services"] {
  const { service, version, name } = plan;
  const how = mesh.services[service]?.versions[version];
  const namespace = { network_mode: `service:${name}` };
  const calls = mesh.services[service]?.calls ?? [];
  const appPort = plan.start === undefined ? undefined : PORTS.app;
  const hosts = [
    ...calls.map((called) => `${called}:${calledAddress(mesh, called)}`),
    ...(outsideHosts(mesh).extra_hosts ?? []),
  ];
  const services: Record<string, Part> = {
    [name]: {
      like: "pod",
      own: {
        networks: ["mesh"],
        ...(hosts.length === 0 ? {} : { extra_hosts: hosts }),
        healthcheck: podHealth(variable("HEALTH_INTERVAL"), appPort),
      },
    },
    [sidecarName(name)]: {
      like: "envoy",
      own: { ...namespace, volumes: envoyVolumes(options, name) },
    },
  };
  if (plan.start === undefined || how === undefined) return services;
  services[appName(name)] = { like: "app", own: { ...namespace, ...app(mesh, plan, how, options) } };
  return services;
}

function app(
  mesh: Mesh,
  { service, name, start }: ServicePlan,
  how: MeshVersion,
  { writtenFolder }: ProjectOptions,
): ComposeService {
  const { command = "", args = [], env = {}, cwd = "" } = start ?? {};
  const awaited = awaitedCalls(
    Object.fromEntries(Object.entries(mesh.services).map(([each, { calls = [] }]) => [each, calls])),
  );
  const called = (awaited[service] ?? []).flatMap((each) =>
    Object.entries(mesh.services[each]?.versions ?? {}).flatMap(([version, versionHow]) =>
      instancesOf(each, version, versionHow).map((instance) => instance.name),
    ),
  );
  return {
    image: imageOf(how),
    entrypoint: [command, ...args].map(literal),
    environment: Object.entries(env).map(([key, value]) => literal(`${key}=${value}`)),
    depends_on: {
      [sidecarName(name)]: { condition: "service_healthy" },
      ...Object.fromEntries(called.map((pod) => [pod, { condition: "service_healthy" }])),
    },
    volumes: [{ type: "bind", source: writtenFolder(cwd), target: APP_FOLDER, ...READ_ONLY }],
  };
}

function envoyVolumes({ envoys }: ProjectOptions, envoy: string): readonly object[] {
  // The folder and not its files: a file that is renamed to its place is seen inside.
  const folder = { type: "bind", source: `${envoys}/${envoy}`, target: CONFIGURATION_FOLDER, ...READ_ONLY };
  return [folder, modulesVolume()];
}

function modulesVolume(): object {
  return { type: "bind", source: variable("MODULES"), target: MODULES_FOLDER, ...READ_ONLY };
}

/** The machine that the engine runs on, by its name, where the mesh calls something outside. */
function outsideHosts(mesh: Mesh): { readonly extra_hosts?: readonly string[] } {
  return isClosed(mesh) ? {} : { extra_hosts: ["host.docker.internal:host-gateway"] };
}
