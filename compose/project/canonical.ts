// Brings a service of a compose file into the one form that `docker compose config` prints: lists
// and mappings where there are several ways to write them, numbers where text may stand, and whole
// paths.

import path from "node:path";
import type { Lookup } from "./interpolate.js";
import { uniquePorts } from "./merge.js";
import { parsePort } from "./ports.js";
import { shellWords } from "./shell-words.js";
import { type Dict, defined, isDict, itemsOf, textOf } from "./values.js";

/** Something that cannot be brought into that form. */
export class FormError extends Error {
  constructor(
    /** In the service. */
    readonly path: readonly PropertyKey[],
    reason: string,
  ) {
    super(reason);
  }
}

/** Where a service's file stands, and what its variables are. */
export interface Place {
  /** From which its paths go. */
  readonly folder: string;
  readonly lookup: Lookup;
}

type Form = (value: unknown, place: Place, at: readonly PropertyKey[]) => unknown;

const FORMS: Readonly<Record<string, Form>> = {
  annotations: (value) => texts(keyValues(value)),
  build: canonicalBuild,
  command: words,
  depends_on: canonicalDependencies,
  dns: listed,
  dns_opt: listed,
  dns_search: listed,
  entrypoint: words,
  env_file: canonicalEnvFiles,
  environment: (value, place) => inherited(keyValues(value), place.lookup),
  expose: (value) => itemsOf(value).map((item) => textOf(item) ?? ""),
  extra_hosts: (value) => hosts(value),
  labels: (value) => texts(keyValues(value)),
  networks: (value) => named(value),
  ports: canonicalPorts,
  privileged: truth,
  read_only: truth,
  scale: (value) => Number(value),
  deploy: (value) =>
    isDict(value) && value.replicas !== undefined ? { ...value, replicas: Number(value.replicas) } : value,
  sysctls: (value) => texts(keyValues(value)),
  tmpfs: listed,
};

/** @throws FormError */
export function canonicalService(service: Dict, place: Place): Dict {
  const entries = Object.entries(service).flatMap(([key, value]) => {
    if (value === null && key !== "networks") return [];
    return [[key, FORMS[key]?.(value, place, [key]) ?? value]];
  });
  return Object.fromEntries(entries);
}

/** The mapping that a list of `KEY=VALUE`, or a mapping, stands for. A key alone has null. */
function keyValues(value: unknown): Dict {
  if (isDict(value)) return value;
  return Object.fromEntries(
    itemsOf(value).map((item) => {
      const text = textOf(item) ?? "";
      const at = text.indexOf("=");
      return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

function texts(dict: Dict): Dict {
  return Object.fromEntries(Object.entries(dict).map(([key, value]) => [key, textOf(value) ?? ""]));
}

/** A variable without a value has that of the project. */
function inherited(dict: Dict, lookup: Lookup): Dict {
  return Object.fromEntries(
    Object.entries(dict).map(([key, value]) => [key, textOf(value) ?? lookup(key) ?? null]),
  );
}

/** Names in a list, or with details in a mapping. */
function named(value: unknown): Dict {
  if (isDict(value)) return value;
  return Object.fromEntries(itemsOf(value).map((name) => [textOf(name) ?? "", null]));
}

function listed(value: unknown): unknown {
  return itemsOf(value);
}

/** `HOST=ADDRESS` in a list or a mapping, where a host may have several addresses. */
function hosts(value: unknown): readonly string[] {
  if (!isDict(value)) {
    return itemsOf(value).map((item) => (textOf(item) ?? "").replace(/^([^=:]*):/, "$1="));
  }
  return Object.entries(value).flatMap(([host, addresses]) =>
    itemsOf(addresses).map((address) => `${host}=${textOf(address)}`),
  );
}

function truth(value: unknown): unknown {
  return typeof value === "string" ? /^(true|t|1|y|yes|on)$/i.test(value) : value;
}

function words(value: unknown, _place: Place, at: readonly PropertyKey[]): unknown {
  if (Array.isArray(value)) return value.map((item) => textOf(item) ?? "");
  const split = shellWords(textOf(value) ?? "");
  if (split === undefined) throw new FormError(at, "has a quote that is not closed");
  return split;
}

function canonicalBuild(value: unknown, { folder, lookup }: Place): Dict {
  const build = isDict(value) ? value : { context: value };
  const context = textOf(build.context) ?? ".";
  return defined({
    ...build,
    context: isRemote(context) ? context : path.resolve(folder, context),
    args: build.args === undefined ? undefined : withoutNull(inherited(keyValues(build.args), lookup)),
    labels: build.labels === undefined ? undefined : texts(keyValues(build.labels)),
  });
}

/** A repository or an archive. */
function isRemote(context: string): boolean {
  return /^(https?|git|ssh|docker-image|oci-layout|service):|^github\.com\/|^git@/.test(context);
}

function withoutNull(dict: Dict): Dict {
  return Object.fromEntries(Object.entries(dict).filter(([, value]) => value !== null));
}

function canonicalDependencies(value: unknown): Dict {
  return Object.fromEntries(
    Object.entries(named(value)).map(([name, how]) => [
      name,
      { condition: "service_started", required: true, ...(isDict(how) ? how : {}) },
    ]),
  );
}

function canonicalEnvFiles(value: unknown, { folder }: Place): readonly Dict[] {
  return itemsOf(value).map((item) => {
    const file = isDict(item) ? item : { path: item };
    return { required: true, ...file, path: path.resolve(folder, textOf(file.path) ?? "") };
  });
}

function canonicalPorts(value: unknown, _place: Place, at: readonly PropertyKey[]): readonly unknown[] {
  const ports = itemsOf(value).flatMap((item, i) => {
    try {
      return parsePort(item);
    } catch (error) {
      throw new FormError([...at, i], (error as Error).message);
    }
  });
  return uniquePorts(ports);
}
