// Clears away after a process that was killed.

import { testcontainersPath } from "./engine.js";
import { startOutlivingShell } from "./outliving-shell.js";

/** The container label that says who clears the container away. */
export const OWNER_LABEL = "meshwright.owner";

export interface GuardOptions {
  /** This folder is removed with its content. */
  readonly directory: string;
  /**
   * The containers whose `OWNER_LABEL` has this value are removed before the folder. Default: none.
   */
  readonly owner?: string;
}

export interface Guard {
  /** Everything is already cleared away: the guard ends and does nothing. */
  release(): void;
}

const waitAndClear =
  'while read -r _; do :; done; if [ -n "$2" ]; then "$3" -e "$4" "$5" "$2"; fi; rm -rf -- "$1"';

/** A container that was requested just before the end may appear after the first look. */
const removeContainers = `
const [testcontainers, label] = process.argv.slice(1);
require(testcontainers).getContainerRuntimeClient().then(async ({ container: { dockerode } }) => {
  for (const waitMs of [0, 1000]) {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    for (const { Id } of await dockerode.listContainers({ all: true, filters: { label: [label] } }))
      await dockerode.getContainer(Id).remove({ force: true }).catch(() => {});
  }
});`;

/** Starts a guard, which outlives this process however it ends. */
export function startGuard({ directory, owner }: GuardOptions): Guard {
  const label = owner === undefined ? "" : `${OWNER_LABEL}=${owner}`;
  const node = owner === undefined ? [] : [process.execPath, removeContainers, testcontainersPath()];
  const guard = startOutlivingShell(waitAndClear, "guard", [directory, label, ...node]);
  return { release: () => void guard.kill("SIGKILL") };
}
