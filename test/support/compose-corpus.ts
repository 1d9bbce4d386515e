// Compose projects in every form, and what of a model is compared.

import { readdirSync } from "node:fs";
import path from "node:path";
import type { ProjectModel } from "../../compose/project/model.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";

export const CORPUS = path.join(PACKAGE_ROOT, "test", "support", "compose-corpus");

/** The variables of a shell in which no project is chosen. */
export const BARE_SHELL = { PATH: process.env.PATH, HOME: process.env.HOME } as const;

export const CORPUS_PROJECTS = readdirSync(CORPUS, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

const COMPARED = [
  "build",
  "command",
  "container_name",
  "depends_on",
  "dns",
  "entrypoint",
  "environment",
  "expose",
  "extra_hosts",
  "hostname",
  "image",
  "labels",
  "links",
  "logging",
  "network_mode",
  "networks",
  "platform",
  "ports",
  "privileged",
  "profiles",
  "scale",
  "tmpfs",
] as const;

/** What compose prints of a project of the corpus, as `comparable` has it. */
export function expectedFile(project: string): string {
  return path.join(CORPUS, `${project}.json`);
}

/** The parts of a model that both readers promise, with paths from the project's folder. */
export function comparable({ name, services }: ProjectModel, folder: string): unknown {
  const sorted = Object.entries(services).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const parts = sorted.map(([service, config]) => {
    const own = config as Readonly<Record<string, unknown>>;
    const kept = COMPARED.filter((key) => own[key] !== undefined && !isEmpty(own[key]));
    const values = Object.fromEntries(
      kept.map((key) => [key, UNORDERED.has(key) ? inOrder(own[key]) : own[key]]),
    );
    const { replicas } = config.deploy ?? {};
    return [service, { ...values, ...(replicas === undefined ? {} : { replicas }) }];
  });
  const whole = { name, services: Object.fromEntries(parts) };
  return JSON.parse(JSON.stringify(whole).replaceAll(folder, "FOLDER"));
}

/** Compose sorts these. */
const UNORDERED: ReadonlySet<string> = new Set(["extra_hosts"]);

function inOrder(value: unknown): unknown {
  return Array.isArray(value) ? value.toSorted() : value;
}

function isEmpty(value: unknown): boolean {
  return value === false || (typeof value === "object" && Object.keys(value ?? {}).length === 0);
}
