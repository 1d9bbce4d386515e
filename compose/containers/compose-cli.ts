// `docker compose` for one project.

import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ManagedChild, startChild } from "../../envoy/runtime/child.js";
import type { CommandResult } from "../../envoy/runtime/command.js";
import type { UserProject } from "./around/user-project.js";
import { isEngineGone } from "./compose-failure.js";
import { docker } from "./engine.js";
import { PROJECT_LABEL } from "./remnants.js";

/** A busy engine takes minutes to remove hundreds of containers. */
const LONG_MS = 600_000;
const STOP_SECONDS = 3;
const DOWN_TRIES = 4;
/** The first pause; each further one is that much longer. */
const DOWN_PAUSE_MS = 1_000;

/** A container of the project. */
export interface ComposeContainer {
  readonly service: string;
  readonly name: string;
  /** `created`, `running`, `restarting`, `exited`, … */
  readonly state: string;
  /** `starting`, `healthy`, `unhealthy`, or empty. */
  readonly health: string;
  readonly exitCode: number;
}

export class ComposeCli {
  readonly #around: UserProject | undefined;

  /**
   * @param folder has the compose file and its .env
   * @param around the person's project that the compose file overrides; its file is in the folder
   */
  constructor(
    readonly project: string,
    readonly folder: string,
    around?: UserProject,
  ) {
    this.#around = around;
  }

  /** As compose names the only container of a service. */
  containerName(service: string): string {
    return this.#around?.services[service]?.container_name ?? `${this.project}-${service}-1`;
  }

  /** A folder in which compose finds no file by itself. */
  get #elsewhere(): string {
    return path.parse(this.folder).root;
  }

  #args(args: readonly string[]): string[] {
    const at = (name: string) => path.join(this.folder, name);
    const common = ["compose", "--progress", "plain", "-p", this.project];
    if (this.#around === undefined)
      return [...common, "-f", at(COMPOSE_FILE), "--env-file", at(ENV_FILE), ...args];
    // The person's file has those of the profiles that are wanted, and no others.
    return [...common, "-f", at(AROUND_FILE), "-f", at(COMPOSE_FILE), "--profile", "*", ...args];
  }

  /** Runs a command that ends soon. Never rejects. */
  run(args: readonly string[]): Promise<CommandResult> {
    return docker(this.#args(args), ownEnvironment(), LONG_MS);
  }

  /** Starts a command that may take long. */
  start(
    args: readonly string[],
    options: { onLine?: (line: string) => void; logFile?: string } = {},
  ): ManagedChild {
    return startChild({
      name: "docker compose",
      command: "docker",
      args: this.#args(args),
      env: ownEnvironment(),
      ...options,
    });
  }

  /** Follows what all containers of the project write, also those that come later. */
  follow(options: { onLine: (line: string) => void; logFile: string }): ManagedChild {
    return startChild({
      name: "docker compose logs",
      command: "docker",
      // With a file, compose would follow only the services that it has now.
      args: ["compose", "-p", this.project, "logs", "--follow", "--no-color"],
      cwd: this.#elsewhere,
      env: ownEnvironment(),
      ...options,
    });
  }

  /** By one question to the engine, whereas compose asks for each container. */
  async containers(): Promise<readonly ComposeContainer[]> {
    const filter = ["--filter", `label=${PROJECT_LABEL}=${this.project}`];
    const args = ["ps", "--all", "--no-trunc", ...filter, "--format", CONTAINER_FORMAT];
    const { outcome, output } = await docker(args, ownEnvironment(), LONG_MS);
    if (outcome === "failed") return [];
    return output.split("\n").flatMap((line) => containerOf(line) ?? []);
  }

  /**
   * Removes every container and network of the project, also those of earlier compose files. At the
   * first that a busy engine does not remove, compose leaves the rest as it is, and is asked again.
   */
  async down(): Promise<CommandResult> {
    const own = ["--volumes", "--timeout", String(STOP_SECONDS)];
    // A person's volumes stay, and their services may take the time that they need to end.
    const args = ["down", "--remove-orphans", ...(this.#around === undefined ? own : [])];
    // Without the file: it may be gone, and the labels say what belongs to the project.
    const command = ["compose", "--progress", "plain", "-p", this.project, ...args];
    for (let tries = 1; ; tries++) {
      const result = await docker(command, ownEnvironment(), LONG_MS, this.#elsewhere);
      if (result.outcome === "done" || tries === DOWN_TRIES || isEngineGone(result.output)) return result;
      await delay(tries * DOWN_PAUSE_MS);
    }
  }
}

export const COMPOSE_FILE = "compose.yaml";
export const ENV_FILE = ".env";
/** A person's project, as compose has read it. */
export const AROUND_FILE = "around.json";

/** The shell's variables without those that would override the project's own. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !OVERRIDING.test(name)));
}

const OVERRIDING =
  /^(COMPOSE_\w+|(ENVOY|NODE)_IMAGE|(ENVOY|APP)_(USER|MEMORY|CPUS)|(GATEWAY|STATUS)_\w+|REDIRECT_IMAGE|MODULES)$/;

const SERVICE_LABEL = "com.docker.compose.service";
const CONTAINER_FORMAT = `{{.Label "${SERVICE_LABEL}"}}\t{{.Names}}\t{{.State}}\t{{.Status}}`;
/** What the engine writes behind a status: `Up 3 seconds (healthy)`, `Exited (1) 2 hours ago`. */
const HEALTH = /\((?:health: )?(starting|healthy|unhealthy)\)$/;
const EXIT_CODE = /^\w+ \((\d+)\)/;

function containerOf(line: string): ComposeContainer | undefined {
  const [service, names, state, status] = line.trim().split("\t");
  if (!service || names === undefined || state === undefined || status === undefined) return undefined;
  return {
    service,
    name: names,
    state,
    health: HEALTH.exec(status)?.[1] ?? "",
    exitCode: Number(EXIT_CODE.exec(status)?.[1] ?? 0),
  };
}
