// Clears away after a process that was killed. Nothing runs in such a process any more; but the
// pipe that it held ends, and who waits at its other end learns of it: a shell, which costs next to
// nothing until then.

import { spawn } from "node:child_process";
import { testcontainersPath } from "./engine.js";

/** The label by which a container says who clears it away. */
export const OWNER_LABEL = "meshwright.owner";

export interface GuardOptions {
  /** Removed with all that is in it. */
  readonly directory: string;
  /** The containers whose `OWNER_LABEL` has this value are removed before. Default: none. */
  readonly owner?: string;
}

export interface Guard {
  /** Everything is cleared away already: the guard ends and does nothing. */
  release(): void;
}

const waitAndClear =
  'while read -r _; do :; done; if [ -n "$2" ]; then "$3" -e "$4" "$5" "$2"; fi; rm -rf -- "$1"';

/** A container that was asked for just before the end may come after the first look. */
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
  const guard = spawn("/bin/sh", ["-c", waitAndClear, "guard", directory, label, ...node], {
    // A session of its own: what ends ours at a terminal does not reach it.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
  });
  // Without a shell nothing is cleared away after a kill; the rest works as ever.
  guard.on("error", () => {});
  guard.stdin.on("error", () => {});
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  return { release: () => void guard.kill("SIGKILL") };
}
