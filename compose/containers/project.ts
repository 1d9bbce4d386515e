// The compose project of a mesh: for every version of a service a pod, which owns a network
// namespace and does nothing, and in that namespace Envoy and the app. So an Envoy or an app that
// ends is started again by itself, and finds the other where it was.

import { allInstances, instancesOf } from "../mesh/instances.js";
import { GATEWAY } from "../mesh/names.js";
import type { ServicePlan } from "../mesh/plan-service.js";
import type { Mesh, MeshVersion } from "../mesh/shape.js";
import { meshNetworks } from "./around/around.js";
import { memberOverride, podInProject } from "./around/pods.js";
import { loadsRules } from "./around/redirect-image.js";
import type { UserProject } from "./around/user-project.js";
import type { ComposeProject, ComposeService, Part } from "./compose-project.js";
import { envoyHealth, podHealth } from "./health.js";
import { imageOf } from "./images.js";
import { literal } from "./interpolation.js";
import { awaitedCalls } from "./order.js";
import { appService, type PartNames, sidecarName } from "./part-names.js";
import { calledAddress, PORTS } from "./places.js";
import { BOOTSTRAP_FILE, CONFIGURATION_FOLDER } from "./sources.js";

/** Where apps find the folder that their version names, and Envoys the modules. */
export const APP_FOLDER = "/app";
export const MODULES_FOLDER = "/modules";

export interface ProjectOptions {
  /** The project's name, which is a part of the containers' names. */
  readonly name: string;
  readonly names: PartNames;
  /** The project of a person around which the mesh is put. */
  readonly around?: UserProject;
  /** How the compose file writes a setting. */
  readonly setting: (name: SettingName) => string | number;
  /** The folder with each Envoy's folder, as the compose file writes it. */
  readonly envoys: string;
  /** How the compose file writes the folder of an app's version. @param folder absolute */
  readonly writtenFolder: (folder: string) => string;
  /** The number of an Envoy's user, where each has one of its own. */
  readonly envoyUser?: (envoy: string) => number;
  /** The modules' files, in `MODULES_FOLDER`. */
  readonly modules: readonly string[];
  /** What the engine does with a container that ends. */
  readonly restart: "unless-stopped" | "no";
  /**
   * How many pods start together, on which the time that a start may take depends. A mesh that
   * runs keeps its number: compose would make every container anew for another. Default: all of
   * the mesh.
   */
  readonly pods?: number;
  /** Labels of every container and network. */
  readonly labels: Readonly<Record<string, string>>;
}

/** What is not decided by the plan, and stands in `.env` or in the environment. */
export type SettingName =
  | `${"ENVOY" | "NODE" | "REDIRECT"}_IMAGE`
  | `${"ENVOY" | "APP"}_${"USER" | "MEMORY" | "CPUS"}`
  | `GATEWAY_${"ADDRESS" | "PORT"}`
  | "STATUS_PORT"
  | "MODULES";

/** The network that leads to this machine, in a project of the mesh's own and beside a person's. */
const EDGE = { own: "edge", guest: "meshwright-edge" };
/** Any user but root, whose files the modules are not. */
const MODULES_READER = 65_534;
const READ_ONLY = { read_only: true, bind: { create_host_path: false } };

export function composeProject(
  mesh: Mesh,
  services: readonly ServicePlan[],
  options: ProjectOptions,
): ComposeProject {
  const together = options.pods ?? services.length;
  const pods = services.flatMap((service) => Object.entries(podServices(mesh, service, together, options)));
  const { labels, names, around } = options;
  return {
    ...(around === undefined ? { name: options.name } : {}),
    shared: sharedParts(together, options),
    services: {
      [names.modules]: { like: "pod", own: moduleCheck(options) },
      [names.gateway]: { like: "envoy", own: gateway(mesh, services, options) },
      ...Object.fromEntries(pods),
    },
    // The gateway's way to this machine. Nobody else of a mesh of its own has one.
    networks:
      around === undefined
        ? { [EDGE.own]: { labels }, mesh: { labels, ...(isClosed(mesh) ? { internal: true } : {}) } }
        : { [EDGE.guest]: { labels } },
  };
}

/** Whether the mesh calls nothing outside of it: then its network leads nowhere else. */
function isClosed(mesh: Mesh): boolean {
  const called = { ...mesh.grpcServices, ...mesh.httpServices };
  return Object.keys(called).length === 0 && !allInstances(mesh).some(({ url }) => url !== undefined);
}

function sharedParts(
  pods: number,
  { labels, restart, names, setting, around, envoys }: ProjectOptions,
): Readonly<Record<string, Part>> {
  const closed = {
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    restart,
    labels,
    logging: { driver: "json-file", options: { "max-size": "10m", "max-file": "2" } },
  };
  const envoy = { image: setting("ENVOY_IMAGE"), user: setting("ENVOY_USER") };
  const sleeps = { ...envoy, entrypoint: ["/usr/bin/sleep", "infinity"] };
  const pod = {
    ...(around === undefined ? sleeps : loadsRules(setting("REDIRECT_IMAGE"), `${envoys}/${GATEWAY}`)),
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
    depends_on: { [names.modules]: { condition: "service_completed_successfully" } },
    healthcheck: envoyHealth(pods),
    mem_limit: setting("ENVOY_MEMORY"),
    cpus: setting("ENVOY_CPUS"),
    pids_limit: 128,
  };
  const app = {
    user: setting("APP_USER"),
    working_dir: APP_FOLDER,
    tmpfs: ["/tmp"],
    mem_limit: setting("APP_MEMORY"),
    cpus: setting("APP_CPUS"),
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
function moduleCheck(options: ProjectOptions): ComposeService {
  const script =
    'for f; do [ -r "$f" ] || { echo "$f is missing: build the filters first, by npm run build" >&2; exit 1; }; done';
  return {
    entrypoint: ["/bin/bash", "-c", literal(script), options.names.modules, ...options.modules],
    restart: "no",
    network_mode: "none",
    ...(options.around === undefined ? {} : { user: String(MODULES_READER), cap_add: [] }),
    volumes: [modulesVolume(options)],
  };
}

function gateway(mesh: Mesh, services: readonly ServicePlan[], options: ProjectOptions): ComposeService {
  const { setting, names, around } = options;
  const pods = services.map(({ name }) => [name, { condition: "service_healthy" }] as const);
  return {
    ...ownUser(GATEWAY, options),
    networks: around === undefined ? [EDGE.own, "mesh"] : [EDGE.guest, ...meshNetworks(mesh, around)],
    ports: [
      `${setting("GATEWAY_ADDRESS")}:${setting("GATEWAY_PORT")}:${PORTS.gateway}`,
      `127.0.0.1:${setting("STATUS_PORT")}:${PORTS.status}`,
    ],
    depends_on: {
      [names.modules]: { condition: "service_completed_successfully" },
      ...Object.fromEntries(pods),
    },
    ...(isClosed(mesh) ? {} : { extra_hosts: outsideHosts(mesh) }),
    volumes: envoyVolumes(options, GATEWAY),
  };
}

function podServices(
  mesh: Mesh,
  plan: ServicePlan,
  pods: number,
  options: ProjectOptions,
): ComposeProject["services"] {
  const { service, version, name } = plan;
  const { around, labels, restart } = options;
  const how = mesh.services[service]?.versions[version];
  const namespace = { network_mode: `service:${name}` };
  const pod =
    around === undefined
      ? podOfOwn(mesh, plan)
      : podInProject(mesh, around, plan, options.envoyUser?.(name) ?? 0);
  const hosts = [...((pod.extra_hosts as string[] | undefined) ?? []), ...outsideHosts(mesh)];
  const services: Record<string, Part> = {
    [name]: {
      like: "pod",
      own: {
        ...pod,
        ...(hosts.length === 0 ? {} : { extra_hosts: hosts }),
        healthcheck: podHealth(pods, mesh, plan, around !== undefined),
      },
    },
    [sidecarName(name)]: {
      like: "envoy",
      own: { ...namespace, ...ownUser(name, options), volumes: envoyVolumes(options, name) },
    },
  };
  const app = appService(plan);
  if (app === undefined || how === undefined) return services;
  services[app] =
    around !== undefined && plan.compose !== undefined
      ? memberOverride(around, plan, restart === "no" ? { labels, restart } : { labels })
      : { like: "app", own: { ...namespace, ...appOfOwn(mesh, plan, how, options) } };
  return services;
}

/** A pod in a project of the mesh's own: the names of called services are addresses of loopback. */
function podOfOwn(mesh: Mesh, { service }: ServicePlan): ComposeService {
  const calls = mesh.services[service]?.calls ?? [];
  const hosts = calls.map((called) => `${called}:${calledAddress(mesh, called)}`);
  return { networks: ["mesh"], ...(hosts.length === 0 ? {} : { extra_hosts: hosts }) };
}

function ownUser(envoy: string, { envoyUser }: ProjectOptions): ComposeService {
  if (envoyUser === undefined) return {};
  const id = envoyUser(envoy);
  return { user: `${id}:${id}` };
}

function appOfOwn(
  mesh: Mesh,
  { service, name, start }: ServicePlan,
  how: MeshVersion,
  { writtenFolder, setting }: ProjectOptions,
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
    image: imageOf(how, String(setting("NODE_IMAGE"))),
    entrypoint: [command, ...args].map(literal),
    environment: Object.entries(env).map(([key, value]) => literal(`${key}=${value}`)),
    depends_on: {
      [sidecarName(name)]: { condition: "service_healthy" },
      ...Object.fromEntries(called.map((pod) => [pod, { condition: "service_healthy" }])),
    },
    volumes: [{ type: "bind", source: writtenFolder(cwd), target: APP_FOLDER, ...READ_ONLY }],
  };
}

function envoyVolumes(options: ProjectOptions, envoy: string): readonly object[] {
  // The folder and not its files: a file that is renamed to its place is seen inside.
  const source = `${options.envoys}/${envoy}`;
  return [{ type: "bind", source, target: CONFIGURATION_FOLDER, ...READ_ONLY }, modulesVolume(options)];
}

function modulesVolume({ setting }: ProjectOptions): object {
  return { type: "bind", source: setting("MODULES"), target: MODULES_FOLDER, ...READ_ONLY };
}

/** The machine that the engine runs on, by its name, where the mesh calls something outside. */
function outsideHosts(mesh: Mesh): readonly string[] {
  return isClosed(mesh) ? [] : ["host.docker.internal:host-gateway"];
}
