// What the containers of a project write: into a file, and the last lines of each in memory.

import path from "node:path";
import type { ManagedChild } from "../../envoy/runtime/child.js";
import { LineRing } from "../../envoy/runtime/log-lines.js";
import type { RunEvent } from "../events.js";
import { FilterLog } from "../filter-log.js";
import { GATEWAY } from "../mesh/names.js";
import type { ComposeCli } from "./compose-cli.js";
import type { ContainerPlan } from "./plan.js";
import { sidecarName } from "./project.js";

export const LOG_FILE = "containers.log";

/** Before each line compose writes the container's name without the project's, and a bar. */
const PREFIX = /^(\S+)-\d+ +\| ?(.*)$/;

export class ContainerLogs {
  readonly #rings = new Map<string, LineRing>();
  readonly #filters: ReadonlyMap<string, FilterLog>;
  readonly #child: ManagedChild;

  constructor(compose: ComposeCli, plan: () => ContainerPlan, onEvent: (event: RunEvent) => void) {
    const file = path.join(compose.folder, LOG_FILE);
    this.#filters = new Map(
      plan().mesh.envoys.map(({ name }) => {
        const filters = () => plan().mesh.envoys.find((each) => each.name === name)?.filters ?? [];
        const onLines = (lines: readonly string[]) => onEvent({ kind: "logged", lines });
        return [serviceOf(name), new FilterLog({ envoy: name, file, filters, onLines })];
      }),
    );
    const onLine = (line: string) => this.#take(line);
    this.#child = compose.start(["logs", "--follow", "--no-color"], { logFile: file, onLine });
  }

  /** The last lines of a compose service's container. */
  of(service: string): string {
    return this.#rings.get(service)?.text() ?? "";
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  #take(line: string): void {
    const [, service, text = ""] = PREFIX.exec(line) ?? [];
    if (service === undefined) return;
    const ring = this.#rings.get(service) ?? new LineRing();
    this.#rings.set(service, ring);
    // The access log has one line for each request, and tells nothing about an end.
    if (text.startsWith("{")) return;
    ring.push(text);
    this.#filters.get(service)?.write(text);
  }
}

/** The compose service of an Envoy. */
export function serviceOf(envoy: string): string {
  return envoy === GATEWAY ? GATEWAY : sidecarName(envoy);
}
