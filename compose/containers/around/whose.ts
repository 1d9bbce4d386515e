// Whose the containers are that a person's project has already: a run ends what an earlier run of
// its own left behind, and touches nothing else.

import { MeshwrightError } from "../../../envoy/errors.js";
import { listed } from "../../../envoy/problems.js";
import { docker } from "../engine.js";
import { PROJECT_LABEL } from "../remnants.js";
import { RUN_LABEL } from "../run-settings.js";

const MOST_LISTED = 4;

/**
 * @param directory the run's folder, which nobody else runs in
 * @throws MeshwrightError `already-running` where the project has containers of somebody else
 */
export async function refuseOthersContainers(project: string, directory: string): Promise<void> {
  const format = `{{.Names}}\t{{.Label "${RUN_LABEL}"}}`;
  const found = await docker([
    ...["ps", "--all", "--filter", `label=${PROJECT_LABEL}=${project}`],
    ...["--format", format],
  ]);
  const containers = found.output
    .split("\n")
    .filter((line) => line.includes("\t"))
    .map((line) => line.split("\t"));
  const runs = new Set(containers.flatMap(([, run]) => (run ? [run] : [])));
  if (containers.length === 0 || (runs.size === 1 && runs.has(directory))) return;
  const [other] = [...runs].filter((run) => run !== directory);
  const names = listed(
    containers.map(([name = ""]) => name),
    MOST_LISTED,
  );
  throw new MeshwrightError(
    "already-running",
    other === undefined
      ? `compose's project ${project} has containers already (${names}): end it first, by docker compose --project-name ${project} down`
      : `compose's project ${project} runs in a mesh already, from ${other}: end that one first`,
  );
}
