// What is measured in memory: our filters and bundles, and beside them what Envoy has and what
// another SDK makes.

import { stat } from "node:fs/promises";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import type { Json } from "../../envoy/config/json.js";
import { wasmFilter } from "../../envoy/config/wasm.js";
import { BUNDLES } from "../../filters/bundles.js";
import { buildBundle } from "../../toolchain/bundle/bundle.js";
import { type BuiltFilter, buildFilters } from "../../toolchain/compile/build.js";
import { ALL_ANSWERS, CLOSED_CIRCUIT, DEADLINE, limits, NO_FAULT, TEN_RULES } from "./configurations.js";
import { equalityRules } from "./equality-rules.js";
import { buildHandWritten, FIVE_CALLBACKS, idle } from "./modules.js";
import { fault, localRateLimit, lua } from "./native.js";
import { buildRustModule } from "./rust.js";
import type { Peer } from "./variants.js";

export interface MemorySubject {
  readonly name: string;
  /** Bytes of its modules; undefined for what is in Envoy itself. */
  readonly bytes?: number;
  readonly filters: readonly HttpFilter[];
}

/** Longer than it takes to open all streams. */
const LONG_DEADLINE = { ...DEADLINE, rules: [{ name: "all", default: "10m", max: "10m" }] };
const MANY_RULES = 10_000;

const SETTINGS: Readonly<Record<string, unknown>> = {
  "header-routing": TEN_RULES,
  "fault-injection": NO_FAULT,
  "retry-budget": { where: "downstream" },
  "rate-limit": limits("x-user-id"),
  "circuit-breaker": CLOSED_CIRCUIT,
  "trace-headers": {},
  deadline: LONG_DEADLINE,
  fallback: ALL_ANSWERS,
};

/**
 * The subjects, that without any filter first.
 * @param directory where modules go that are compiled for the comparison
 */
export async function memorySubjects(
  directory: string,
  peers: readonly Peer[],
): Promise<readonly [without: MemorySubject, ...MemorySubject[]]> {
  const built = await buildFilters(Object.keys(SETTINGS));
  const routing = built.filter(({ name }) => name === "header-routing");
  return [
    { name: "no filter", filters: [] },
    { name: "native fault, 0 %", filters: [fault()] },
    { name: "native local rate limit", filters: [localRateLimit()] },
    { name: "Lua, adds a response header", filters: [lua()] },
    await handWritten(directory),
    ...(await rust(directory)),
    ...built.map((module) => subject(module.name, [module])),
    {
      ...subject(`header-routing, ${MANY_RULES.toLocaleString("en")} rules`, routing),
      filters: routing.map((module) => configured(module, equalityRules(MANY_RULES))),
    },
    ...(await bundles(built)),
    ...(await Promise.all(
      peers.map(({ name, path, configuration }) => otherModule(name, path, configuration)),
    )),
  ];
}

async function bundles(built: readonly BuiltFilter[]): Promise<readonly MemorySubject[]> {
  const subjects: MemorySubject[] = [];
  for (const { name, filters } of BUNDLES) {
    const module = (await buildBundle(name, filters)).at(-1);
    const settings = Object.fromEntries(filters.map((part) => [part, SETTINGS[part]]));
    const alone = built.filter((each) => filters.includes(each.name));
    if (module === undefined) continue;
    subjects.push(
      { ...subject(`bundle ${name}`, [module]), filters: [configured(module, settings)] },
      subject(`its ${alone.length} filters alone`, alone),
    );
  }
  return subjects;
}

async function handWritten(directory: string): Promise<MemorySubject> {
  const path = await buildHandWritten(directory, "idle", idle(FIVE_CALLBACKS));
  return otherModule("Wasm that does nothing, five callbacks", path);
}

/** If the module can be built here. */
async function rust(directory: string): Promise<readonly MemorySubject[]> {
  const path = await buildRustModule(directory);
  return path === undefined ? [] : [await otherModule("Rust SDK, adds a response header", path)];
}

async function otherModule(name: string, path: string, configuration: Json = {}): Promise<MemorySubject> {
  const { size } = await stat(path);
  return { name, bytes: size, filters: [wasmFilter({ name: "other", module: path, configuration })] };
}

function subject(name: string, modules: readonly BuiltFilter[]): MemorySubject {
  return {
    name,
    bytes: modules.reduce((sum, { bytes }) => sum + bytes, 0),
    filters: modules.map((module) => configured(module, SETTINGS[module.name])),
  };
}

function configured({ name, path }: BuiltFilter, settings: unknown): HttpFilter {
  return wasmFilter({ name, module: path, configuration: settings as Json });
}
