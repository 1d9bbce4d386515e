// Counts the requests to each version. The counts come from every Envoy that calls a service,
// because callers also count requests that never arrived.

import type { AdminClient } from "../../envoy/runtime/admin.js";
import { versionName } from "./names.js";
import type { Mesh } from "./shape.js";

/** Counts since the mesh started. */
export interface VersionFigures {
  readonly service: string;
  readonly version: string;
  /** Requests that were answered, by the version or by Envoy instead of it. */
  readonly requests: number;
  readonly ok: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
}

const COUNTERS = ["completed", "2xx", "4xx", "5xx"] as const;

/**
 * The figures of every version, in the order of the mesh file. An Envoy that does not answer is
 * left out.
 */
export async function readFigures(
  mesh: Mesh,
  admins: readonly AdminClient[],
): Promise<readonly VersionFigures[]> {
  const answers = await Promise.all(
    admins.map((admin) =>
      admin.stats(`^cluster\\..*\\.upstream_rq_(${COUNTERS.join("|")})$`).catch(() => new Map()),
    ),
  );
  return sumFigures(mesh, answers);
}

/** Adds up the statistics of several Envoys. */
export function sumFigures(
  mesh: Mesh,
  answers: readonly ReadonlyMap<string, number>[],
): readonly VersionFigures[] {
  return Object.entries(mesh.services).flatMap(([service, { versions }]) =>
    Object.keys(versions).map((version) => {
      const count = (counter: (typeof COUNTERS)[number]) => {
        const stat = `cluster.${versionName(service, version)}.upstream_rq_${counter}`;
        return answers.reduce((sum, stats) => sum + (stats.get(stat) ?? 0), 0);
      };
      return {
        service,
        version,
        requests: count("completed"),
        ok: count("2xx"),
        clientErrors: count("4xx"),
        serverErrors: count("5xx"),
      };
    }),
  );
}
