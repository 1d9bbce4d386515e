// Says soon why a part of a mesh is not ready yet. The engine itself gives up much later.

import type { RunEvent } from "../events.js";
import type { ComposeCli } from "./compose-cli.js";
import { docker } from "./engine.js";
import { type ContainerPart, type Containers, isReady } from "./parts.js";

/** Most services need some seconds. */
const PATIENCE_MS = 15_000;

export class SlowParts {
  readonly #compose: ComposeCli;
  readonly #onEvent: (event: RunEvent) => void;
  readonly #since = new Map<string, number>();
  readonly #told = new Set<string>();

  constructor(compose: ComposeCli, onEvent: (event: RunEvent) => void) {
    this.#compose = compose;
    this.#onEvent = onEvent;
  }

  /** Tells once of each app that runs for long, and is not ready. */
  async look(parts: readonly ContainerPart[], containers: Containers): Promise<void> {
    for (const part of parts) {
      const { what, service, pod } = part;
      const own = containers.get(service);
      if (pod === undefined || own?.state !== "running" || isReady(part, containers)) continue;
      const since = this.#since.get(what) ?? performance.now();
      this.#since.set(what, since);
      if (performance.now() - since < PATIENCE_MS || this.#told.has(what)) continue;
      this.#told.add(what);
      const isSick = own.health !== "" && own.health !== "healthy";
      const why = isSick
        ? `its own health check says: ${await lastCheck(this.#compose.containerName(service))}`
        : "nothing listens on its port";
      this.#onEvent({ kind: "progress", text: `${what} runs, and is not ready yet: ${why}` });
    }
  }
}

/** What a container's own health check wrote last. */
export async function lastCheck(container: string): Promise<string> {
  const { output } = await docker(["inspect", "--format", "{{json .State.Health}}", container]);
  const health = parsed(output);
  const last = health?.Log?.at(-1);
  if (last === undefined) return "nothing so far";
  const said = last.Output.trim().split("\n").at(-1) ?? "";
  return said === "" ? `exit code ${last.ExitCode}` : `${said} (exit code ${last.ExitCode})`;
}

interface Health {
  readonly Log?: readonly { readonly ExitCode: number; readonly Output: string }[];
}

function parsed(text: string): Health | undefined {
  try {
    return JSON.parse(text) as Health;
  } catch {
    return undefined;
  }
}
