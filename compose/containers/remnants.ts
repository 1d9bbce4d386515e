// Clears away after a process that was killed while its mesh ran in containers. Such a process runs
// no more code, but its pipe closes, and a shell waits at the other end of it.

import { spawn } from "node:child_process";

/** The label by which compose marks what belongs to a project. */
export const PROJECT_LABEL = "com.docker.compose.project";

/** A compose that was killed half-way may still make a container after the first look. */
const waitAndClear = `
while read -r _; do :; done
for pause in 0 1 2; do
  sleep "$pause"
  ids="$(docker ps --all --quiet --filter "label=$1")"
  if [ -n "$ids" ]; then docker rm --force --volumes $ids; fi
  ids="$(docker network ls --quiet --filter "label=$1")"
  if [ -n "$ids" ]; then docker network rm $ids; fi
done
rm -rf -- "$2"`;

/** Starts a guard of a project, which outlives this process however it ends. */
export function guardProject(project: string, folder: string): { release(): void } {
  const label = `${PROJECT_LABEL}=${project}`;
  const guard = spawn("/bin/sh", ["-c", waitAndClear, "guard", label, folder], {
    // A session of its own: a terminal's signal that ends ours does not reach it.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
  });
  guard.on("error", () => {});
  guard.stdin.on("error", () => {});
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  return { release: () => void guard.kill("SIGKILL") };
}
