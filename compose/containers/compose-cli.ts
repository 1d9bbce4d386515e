// `docker compose` for one project.

import path from "node:path";
import { type ManagedChild, startChild } from "../../envoy/runtime/child.js";
import type { CommandResult } from "../../envoy/runtime/command.js";
import { docker } from "./engine.js";

const LONG_MS = 120_000;
const STOP_SECONDS = 3;

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
  /** @param folder has the compose file and its .env */
  constructor(
    readonly project: string,
    readonly folder: string,
  ) {}

  #args(args: readonly string[]): string[] {
    const file = path.join(this.folder, COMPOSE_FILE);
    const env = path.join(this.folder, ENV_FILE);
    return ["compose", "--progress", "plain", "-p", this.project, "-f", file, "--env-file", env, ...args];
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

  async containers(): Promise<readonly ComposeContainer[]> {
    const { outcome, output } = await this.run(["ps", "--all", "--format", "json"]);
    if (outcome === "failed") return [];
    return output.split("\n").flatMap((line) => (line.startsWith("{") ? [containerOf(line)] : []));
  }

  /** Removes every container and network of the project, also those of earlier compose files. */
  async down(): Promise<CommandResult> {
    const args = ["down", "--volumes", "--remove-orphans", "--timeout", String(STOP_SECONDS)];
    // Without the file: it may be gone, and the labels say what belongs to the project.
    return docker(["compose", "--progress", "plain", "-p", this.project, ...args], ownEnvironment(), LONG_MS);
  }
}

export const COMPOSE_FILE = "compose.yaml";
export const ENV_FILE = ".env";

/** The shell's variables without those that would override the project's own. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !OVERRIDING.test(name)));
}

const OVERRIDING =
  /^(COMPOSE_\w+|(ENVOY|NODE)_IMAGE|(ENVOY|APP)_(USER|MEMORY|CPUS)|(GATEWAY|STATUS)_\w+|MODULES|HEALTH_INTERVAL)$/;

function containerOf(line: string): ComposeContainer {
  const { Service, Name, State, Health, ExitCode } = JSON.parse(line) as Record<string, string | number>;
  return {
    service: String(Service),
    name: String(Name),
    state: String(State),
    health: String(Health ?? ""),
    exitCode: Number(ExitCode),
  };
}
