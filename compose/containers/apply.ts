// Gives running Envoys new listeners and clusters, and finds out whether each takes them. Where one
// refuses, all get back what they had: half a change would be a third mesh that nobody wrote.

import { setTimeout as delay } from "node:timers/promises";
import { AdminClient } from "../../envoy/runtime/admin.js";
import { CHANGED_FILES } from "./envoy-files.js";
import type { ContainerPlan } from "./plan.js";
import { writeEnvoys } from "./run-files.js";
import { statusPath } from "./status.js";

const POLL_MS = 50;
const PATIENCE_MS = 10_000;

export interface ApplyOptions {
  readonly directory: string;
  /** The status port's URL. */
  readonly statusUrl: string;
  /** The last lines of an Envoy. */
  readonly logsOf: (envoy: string) => string;
}

export type Applied =
  | { readonly outcome: "applied"; readonly envoys: readonly string[] }
  | { readonly outcome: "refused"; readonly envoy: string; readonly reason: string };

/** The Envoys of both plans whose files differ. */
export function changedEnvoys(before: ContainerPlan, after: ContainerPlan): readonly string[] {
  return after.mesh.envoys
    .map(({ name }) => name)
    .filter((envoy) => {
      const known = before.envoyFiles.has(`${envoy}/${CHANGED_FILES[0]}`);
      return known && CHANGED_FILES.some((file) => differs(before, after, `${envoy}/${file}`));
    });
}

function differs(before: ContainerPlan, after: ContainerPlan, file: string): boolean {
  return before.envoyFiles.get(file) !== after.envoyFiles.get(file);
}

export async function applyToEnvoys(
  before: ContainerPlan,
  after: ContainerPlan,
  options: ApplyOptions,
): Promise<Applied> {
  const envoys = changedEnvoys(before, after);
  const counted = new Map(
    await Promise.all(envoys.map(async (envoy) => [envoy, await counts(envoy, options)] as const)),
  );
  await writeEnvoys(options.directory, after, (envoy) => envoys.includes(envoy));
  const outcomes = envoys.map(async (envoy) => ({
    envoy,
    reason: await refusal(envoy, wantedUpdates(before, after, envoy), counted.get(envoy), options),
  }));
  const refused = (await Promise.all(outcomes)).find(({ reason }) => reason !== undefined);
  if (refused?.reason === undefined) return { outcome: "applied", envoys };
  await writeEnvoys(options.directory, before, (envoy) => envoys.includes(envoy));
  return { outcome: "refused", envoy: refused.envoy, reason: refused.reason };
}

const COUNTERS = {
  "clusters.yaml": "cluster_manager.cds",
  "listeners.yaml": "listener_manager.lds",
} as const satisfies Record<(typeof CHANGED_FILES)[number], string>;

type Counter = (typeof COUNTERS)[keyof typeof COUNTERS];

/** The kinds of updates that an Envoy must report. */
function wantedUpdates(before: ContainerPlan, after: ContainerPlan, envoy: string): readonly Counter[] {
  return CHANGED_FILES.filter((file) => differs(before, after, `${envoy}/${file}`)).map(
    (file) => COUNTERS[file],
  );
}

/** Undefined where the Envoy does not answer: it reads the files when it starts again. */
function counts(
  envoy: string,
  { statusUrl }: ApplyOptions,
): Promise<ReadonlyMap<string, number> | undefined> {
  const admin = new AdminClient(`${statusUrl}${statusPath(envoy)}`);
  return admin
    .stats("^(cluster_manager\\.cds|listener_manager\\.lds)\\.update_(success|rejected)$")
    .catch(() => undefined);
}

async function refusal(
  envoy: string,
  wanted: readonly Counter[],
  before: ReadonlyMap<string, number> | undefined,
  options: ApplyOptions,
): Promise<string | undefined> {
  if (before === undefined) return undefined;
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const now = await counts(envoy, options);
    if (now === undefined) return undefined;
    const grown = (counter: Counter, kind: string) =>
      (now.get(`${counter}.update_${kind}`) ?? 0) > (before.get(`${counter}.update_${kind}`) ?? 0);
    if (wanted.some((counter) => grown(counter, "rejected"))) return reasonIn(options.logsOf(envoy));
    if (wanted.every((counter) => grown(counter, "success"))) return undefined;
    if (performance.now() > deadline) return `it did not read the change within ${PATIENCE_MS / 1000} s`;
    await delay(POLL_MS);
  }
}

/** What Envoy wrote last about an update that it refused. */
function reasonIn(logs: string): string {
  const line = logs.split("\n").findLast((each) => /rejected|error adding|error initializing/i.test(each));
  return line?.replace(/^(\[[^\]]*\] ?)+/, "").trim() ?? "it does not say why";
}
