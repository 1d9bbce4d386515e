// Starts the containers of a mesh again when they end by themselves, as the processes of a mesh are
// started again.

import { MeshwrightError } from "../../envoy/errors.js";
import type { ChildExit, ManagedChild } from "../../envoy/runtime/child.js";
import { startChild } from "../../envoy/runtime/child.js";
import type { RunEvent } from "../events.js";
import { type Running, Supervised } from "../supervised.js";
import type { ComposeCli } from "./compose-cli.js";
import { engineStopped } from "./compose-failure.js";
import type { ContainerLogs } from "./container-logs.js";
import { docker } from "./engine.js";
import type { ContainerPart } from "./parts.js";
import { PROJECT_LABEL } from "./remnants.js";

const STOP_SECONDS = "3";

interface Die {
  readonly service: string;
  readonly exit: ChildExit;
}

/** The ends of a project's containers, as the engine tells them. */
class Ends {
  readonly #waiting = new Map<string, Set<(exit: ChildExit) => void>>();
  readonly #child: ManagedChild;

  constructor(project: string) {
    const filters = [`label=${PROJECT_LABEL}=${project}`, "event=die", "type=container"];
    const args = ["events", "--format", "{{json .}}", ...filters.flatMap((each) => ["--filter", each])];
    this.#child = startChild({
      name: "docker events",
      command: "docker",
      args,
      onLine: (line) => this.#take(line),
    });
  }

  /** Settles when the engine tells nothing more. */
  get over(): Promise<unknown> {
    return this.#child.exited;
  }

  next(service: string): Promise<ChildExit> {
    return new Promise((resolve) => {
      this.#waiting.set(service, (this.#waiting.get(service) ?? new Set()).add(resolve));
    });
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  #take(line: string): void {
    const die = dieOf(line);
    if (die === undefined) return;
    const waiting = this.#waiting.get(die.service) ?? [];
    this.#waiting.delete(die.service);
    for (const resolve of waiting) resolve(die.exit);
  }
}

function dieOf(line: string): Die | undefined {
  if (!line.startsWith("{")) return undefined;
  const { Actor } = JSON.parse(line) as { readonly Actor: { readonly Attributes: Record<string, string> } };
  const { exitCode, "com.docker.compose.service": service } = Actor.Attributes;
  return service === undefined ? undefined : { service, exit: { code: Number(exitCode), signal: null } };
}

export interface KeepRunningOptions {
  readonly compose: ComposeCli;
  readonly logs: ContainerLogs;
  /** Must not throw. */
  readonly onEvent: (event: RunEvent) => void;
}

/** Keeps the parts of a mesh running until `stop`. */
export class KeepRunning {
  readonly #options: KeepRunningOptions;
  readonly #ends: Ends;
  readonly #over = new AbortController();
  readonly #parts = new Map<string, Supervised<Running>>();
  /** Settles where the engine has stopped; else never. */
  readonly failed: Promise<MeshwrightError>;

  constructor(options: KeepRunningOptions) {
    this.#options = options;
    this.#ends = new Ends(options.compose.project);
    this.failed = this.#engineStops();
  }

  get partNames(): readonly string[] {
    return [...this.#parts.keys()];
  }

  async restart(what: string): Promise<void> {
    await this.#parts.get(what)?.restart();
  }

  /** Takes over the containers of these parts, and lets go of all others. */
  keep(parts: readonly ContainerPart[]): void {
    const wanted = new Map(parts.map((part) => [part.what, part]));
    for (const what of this.#parts.keys()) if (!wanted.has(what)) this.#parts.delete(what);
    for (const { what, service, joined = [] } of parts) {
      if (this.#parts.has(what)) continue;
      const supervised = new Supervised<Running>(this.#run(service), {
        what,
        start: () => this.#startAgain(service, joined),
        signal: this.#over.signal,
        onEvent: (event) => {
          if (this.#parts.has(what)) this.#options.onEvent(event);
        },
      });
      this.#parts.set(what, supervised);
    }
  }

  /** Lets go of all parts: their ends are wanted from now on. */
  async stop(): Promise<void> {
    this.#over.abort();
    await this.#ends.stop();
  }

  #run(service: string): Running {
    const { logs, compose } = this.#options;
    const exited = this.#ends.next(service);
    const stop = async () => {
      await docker(["stop", "--time", STOP_SECONDS, compose.containerName(service)]);
      await exited;
    };
    return { process: { exited, logs: () => logs.of(service), stop } };
  }

  async #startAgain(service: string, joined: readonly string[]): Promise<Running> {
    const { compose } = this.#options;
    const running = this.#run(service);
    const started = await docker(["start", compose.containerName(service)]);
    if (started.outcome === "failed") {
      throw new MeshwrightError("envoy-failed", `the engine does not start it: ${started.reason}`);
    }
    // Those that share its network have the one that is gone.
    for (const each of joined) {
      await docker(["restart", "--time", STOP_SECONDS, compose.containerName(each)]);
    }
    return running;
  }

  async #engineStops(): Promise<MeshwrightError> {
    await this.#ends.over;
    if (this.#over.signal.aborted) return new Promise(() => {});
    return engineStopped(this.#options.compose.project);
  }
}
