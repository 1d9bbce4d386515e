// What the containers of a project write: into a file, and the last lines of each in memory.

import path from "node:path";
import type { ManagedChild } from "../../envoy/runtime/child.js";
import { LineRing } from "../../envoy/runtime/log-lines.js";
import type { RunEvent } from "../events.js";
import { FilterLog } from "../filter-log.js";
import type { ComposeCli } from "./compose-cli.js";
import { envoyService } from "./part-names.js";
import type { ContainerPlan } from "./plan.js";

export const LOG_FILE = "containers.log";

/**
 * Before each line compose writes the container's name, which is the service's and a number unless
 * a person has given it another, and a bar.
 */
const PREFIX = /^(\S+) +\| ?(.*)$/;

export class ContainerLogs {
  /** By the containers' names, as compose writes them. */
  readonly #rings = new Map<string, LineRing>();
  /** By the Envoys' names. A version that comes later has an Envoy too. */
  readonly #filters = new Map<string, FilterLog>();
  readonly #compose: ComposeCli;
  readonly #plan: () => ContainerPlan;
  readonly #onEvent: (event: RunEvent) => void;
  readonly #file: string;
  readonly #child: ManagedChild;

  constructor(compose: ComposeCli, plan: () => ContainerPlan, onEvent: (event: RunEvent) => void) {
    this.#compose = compose;
    this.#plan = plan;
    this.#onEvent = onEvent;
    this.#file = path.join(compose.folder, LOG_FILE);
    const onLine = (line: string) => this.#take(line);
    this.#child = compose.follow({ logFile: this.#file, onLine });
  }

  /** The last lines of a compose service's container. */
  of(service: string): string {
    const ring = this.#rings.get(numbered(service)) ?? this.#rings.get(this.#compose.containerName(service));
    return ring?.text() ?? "";
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  #take(line: string): void {
    const [, name, text = ""] = PREFIX.exec(line) ?? [];
    if (name === undefined) return;
    const envoy = this.#envoyOf(name);
    // An Envoy's access log has one line for each request, and tells nothing about an end.
    if (envoy !== undefined && text.startsWith("{")) return;
    const ring = this.#rings.get(name) ?? new LineRing();
    this.#rings.set(name, ring);
    ring.push(text);
    if (envoy !== undefined) this.#filterLog(envoy).write(text);
  }

  #envoyOf(container: string): string | undefined {
    const { mesh, names } = this.#plan();
    return mesh.envoys.find(({ name }) => numbered(envoyService(name, names)) === container)?.name;
  }

  #filterLog(envoy: string): FilterLog {
    const log = this.#filters.get(envoy) ?? this.#newFilterLog(envoy);
    this.#filters.set(envoy, log);
    return log;
  }

  #newFilterLog(envoy: string): FilterLog {
    const filters = () => this.#plan().mesh.envoys.find(({ name }) => name === envoy)?.filters ?? [];
    const onLines = (lines: readonly string[]) => this.#onEvent({ kind: "logged", lines });
    return new FilterLog({ envoy, file: this.#file, filters, onLines });
  }
}

function numbered(service: string): string {
  return `${service}-1`;
}
