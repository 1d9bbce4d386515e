// Gives running Envoys what has changed of their files, and finds out whether each takes it. Where
// one refuses, all get back what they had: half a change would be a mesh that nobody wrote.

import { setTimeout as delay } from "node:timers/promises";
import { AdminClient } from "../../envoy/runtime/admin.js";
import { newerPart, refusalReason } from "../../envoy/runtime/envoy-log.js";
import { bothClusters, CHANGE_ORDER } from "./envoy-files.js";
import { type ContainerPlan, filesInput } from "./plan.js";
import { writeEnvoyFile } from "./run-files.js";
import { BOOTSTRAP_FILE, CLUSTERS_FILE, LISTENERS_FILE } from "./sources.js";
import { statusPath } from "./status.js";

const POLL_MS = 30;
const PATIENCE_MS = 10_000;
const LOG_MS = 1_000;

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
  const known = new Set(before.mesh.envoys.map(({ name }) => name));
  const names = after.mesh.envoys.map(({ name }) => name);
  return names.filter((envoy) => known.has(envoy) && changedFiles(before, after, envoy).length > 0);
}

/** The names of the files that are new or differ, without the bootstrap, which never changes. */
function changedFiles(before: ContainerPlan, after: ContainerPlan, envoy: string): readonly string[] {
  return [...after.envoyFiles].flatMap(([file, text]) => {
    const name = file.slice(envoy.length + 1);
    if (!file.startsWith(`${envoy}/`) || name === BOOTSTRAP_FILE) return [];
    return before.envoyFiles.get(file) === text ? [] : [name];
  });
}

export async function applyToEnvoys(
  before: ContainerPlan,
  after: ContainerPlan,
  options: ApplyOptions,
): Promise<Applied> {
  const envoys = changedEnvoys(before, after);
  const outcomes = envoys.map(async (envoy) => ({
    envoy,
    reason: await applyTo(envoy, before, after, options),
  }));
  const refused = (await Promise.all(outcomes)).find(({ reason }) => reason !== undefined);
  if (refused?.reason === undefined) return { outcome: "applied", envoys };
  await Promise.all(envoys.map((envoy) => applyTo(envoy, after, before, options)));
  return { outcome: "refused", envoy: refused.envoy, reason: refused.reason };
}

/** Settles with the reason of a refusal, or with undefined. */
async function applyTo(
  envoy: string,
  before: ContainerPlan,
  after: ContainerPlan,
  options: ApplyOptions,
): Promise<string | undefined> {
  const changed = changedFiles(before, after, envoy);
  const [old, now] = [filesInput(before.mesh, envoy), filesInput(after.mesh, envoy)];
  const write = (file: string, text: string) => writeEnvoyFile(options.directory, `${envoy}/${file}`, text);
  const textOf = (file: string) => after.envoyFiles.get(`${envoy}/${file}`) ?? "";
  for (const kind of CHANGE_ORDER) {
    const files = changed.filter((file) => file.startsWith(kind));
    const isClusters = kind === "clusters.";
    // Clusters that go stay until no route leads to them.
    const text = (file: string) => (isClusters && old && now ? bothClusters(old, now) : textOf(file));
    const reason = await offered(envoy, files, options, () =>
      Promise.all(files.map((file) => write(file, text(file)))),
    );
    if (reason !== undefined) return reason;
  }
  if (changed.includes(CLUSTERS_FILE)) await write(CLUSTERS_FILE, textOf(CLUSTERS_FILE));
  return undefined;
}

/** Writes files that Envoy reads, and settles with the reason of a refusal. */
async function offered(
  envoy: string,
  files: readonly string[],
  options: ApplyOptions,
  write: () => Promise<unknown>,
): Promise<string | undefined> {
  if (files.length === 0) return undefined;
  const admin = new AdminClient(`${options.statusUrl}${statusPath(envoy)}`);
  const logged = options.logsOf(envoy);
  const before = await counts(admin);
  await write();
  // An Envoy that is away reads the files when it starts again.
  if (before === undefined) return undefined;
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const now = await counts(admin);
    if (now === undefined) return undefined;
    const grown = (file: string, ...kinds: readonly string[]) =>
      kinds.some((kind) => {
        const stat = new RegExp(`${statOf(file)}\\.update_${kind}$`);
        // A file that is new to Envoy has no count yet, and gets it from the file that names it.
        return [...now].some(([name, value]) => stat.test(name) && value > (before.get(name) ?? 0));
      });
    if (files.some((file) => grown(file, "rejected", "failure"))) return reasonIn(options, envoy, logged);
    const known = files.filter((file) =>
      [...now.keys()].some((name) => new RegExp(`${statOf(file)}\\.`).test(name)),
    );
    if (known.every((file) => grown(file, "success"))) return undefined;
    if (performance.now() > deadline) return `it did not read the change within ${PATIENCE_MS / 1000} s`;
    await delay(POLL_MS);
  }
}

/** What the statistics of a file's source are called, as a regular expression. */
function statOf(file: string): string {
  if (file === CLUSTERS_FILE) return "^cluster_manager\\.cds";
  if (file === LISTENERS_FILE) return "^listener_manager\\.lds";
  const [kind = "", ...rest] = file.replace(/\.yaml$/, "").split(".");
  const name = rest.join(".").replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return kind === "routes" ? `\\.rds\\.${name}` : `_filter\\.${name}`;
}

const SOURCES =
  "^(cluster_manager\\.cds|listener_manager\\.lds|extension_config_discovery\\..*|http\\..*\\.rds\\..*)\\.update_(success|rejected|failure)$";

/** Undefined where the Envoy does not answer. */
function counts(admin: AdminClient): Promise<ReadonlyMap<string, number> | undefined> {
  return admin.stats(SOURCES).catch(() => undefined);
}

/** The log comes through the engine, and may arrive after the count. */
async function reasonIn({ logsOf }: ApplyOptions, envoy: string, before: string): Promise<string> {
  const deadline = performance.now() + LOG_MS;
  while (performance.now() < deadline) {
    const newer = newerPart(before, logsOf(envoy));
    const line = newer.split("\n").findLast((each) => /update (rejected|failure)|error adding/i.test(each));
    const reason = refusalReason(newer) ?? line?.replace(/^(\[[^\]]*\] ?)+/, "").trim();
    if (reason !== undefined) return reason;
    await delay(POLL_MS);
  }
  return "it does not say why";
}
