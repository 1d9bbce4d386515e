// Clears away after a process that was killed while its mesh ran in containers.

import { startOutlivingShell } from "../../envoy/runtime/outliving-shell.js";

/** The label by which compose marks what belongs to a project. */
export const PROJECT_LABEL = "com.docker.compose.project";

/** A compose that was killed half-way may still make a container after the first look. */
const waitAndClear = `
while read -r _; do :; done
for pause in 0 1 2; do
  sleep "$pause"
  ids="$(docker ps --all --quiet --filter "label=$1")"
  if [ -n "$ids" ] && [ "$3" = keep-volumes ]; then docker stop $ids; docker rm --force $ids
  elif [ -n "$ids" ]; then docker rm --force --volumes $ids; fi
  ids="$(docker network ls --quiet --filter "label=$1")"
  if [ -n "$ids" ]; then docker network rm $ids; fi
done
rm -rf -- "$2"`;

/**
 * Starts a guard of a project, which outlives this process however it ends.
 * @param isOwn false for a person's project: its services end in their own time, and its volumes
 * stay
 */
export function guardProject(project: string, folder: string, isOwn = true): { release(): void } {
  const label = `${PROJECT_LABEL}=${project}`;
  const guard = startOutlivingShell(waitAndClear, "guard", [label, folder, isOwn ? "" : "keep-volumes"]);
  return { release: () => void guard.kill("SIGKILL") };
}
