// `npm run bench:memory`: how many bytes a filter's module has, and what its VMs take in Envoy's
// process, once and for each worker. docs/operating.md has the figures.

import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { bootstrap } from "../../envoy/config/bootstrap.js";
import type { Json } from "../../envoy/config/json.js";
import { httpListener } from "../../envoy/config/listener.js";
import { directResponse, virtualHost } from "../../envoy/config/route.js";
import { wasmFilter } from "../../envoy/config/wasm.js";
import { findEnvoy } from "../../envoy/runtime/find.js";
import { freePorts } from "../../envoy/runtime/ports.js";
import { startEnvoyProcess } from "../../envoy/runtime/process.js";
import { BUNDLES } from "../../filters/bundles.js";
import { send } from "../../kit/envoy/client.js";
import { buildBundle } from "../../toolchain/bundle/bundle.js";
import { type BuiltFilter, buildFilters } from "../../toolchain/compile/build.js";
import { ALL_ANSWERS, CLOSED_CIRCUIT, DEADLINE, limits, NO_FAULT, TEN_RULES } from "./configurations.js";

const FEW = 1;
const MANY = 9;
const REQUESTS = 200;
const KIB = 1024;

const SETTINGS: Readonly<Record<string, unknown>> = {
  "header-routing": TEN_RULES,
  "fault-injection": NO_FAULT,
  "retry-budget": { where: "downstream" },
  "rate-limit": limits("x-user-id"),
  "circuit-breaker": CLOSED_CIRCUIT,
  "trace-headers": {},
  deadline: DEADLINE,
  fallback: ALL_ANSWERS,
};

interface Subject {
  readonly name: string;
  readonly modules: readonly BuiltFilter[];
}

const names = Object.keys(SETTINGS);
const built = await buildFilters(names);
const bundles: BuiltFilter[] = [];
for (const { name, filters } of BUNDLES) bundles.push(...(await buildBundle(name, filters)).slice(-1));
const parts = (name: string) => BUNDLES.find((bundle) => bundle.name === name)?.filters ?? [];

const subjects: readonly Subject[] = [
  { name: "no filter", modules: [] },
  ...built.map((module) => ({ name: module.name, modules: [module] })),
  ...bundles.flatMap((bundle) => [
    { name: `bundle ${bundle.name}`, modules: [bundle] },
    {
      name: `its ${parts(bundle.name).length} filters alone`,
      modules: built.filter(({ name }) => parts(bundle.name).includes(name)),
    },
  ]),
];

/** MiB of Envoy's process that are in memory. */
async function resident({ modules }: Subject, workers: number): Promise<number> {
  const directory = await mkdtemp(path.join(tmpdir(), "meshwright-memory-"));
  const [port = 0, adminPort = 0] = await freePorts(2);
  const virtualHosts = [
    virtualHost({ name: "all", routes: [directResponse({ status: 200, body: "ok\n" })] }),
  ];
  const filters = modules.map(({ name, path: module }) =>
    wasmFilter({ name, module, configuration: settingsOf(name) as Json }),
  );
  try {
    await using envoy = await startEnvoyProcess({
      binary: await findEnvoy(),
      directory,
      workers,
      logLevel: "warning",
      bootstrap: bootstrap({
        node: { id: "memory", cluster: "memory" },
        adminPort,
        listeners: [httpListener({ name: "in", port, filters, virtualHosts })],
        clusters: [],
      }),
    });
    for (let i = 0; i < REQUESTS; i++) await send(`http://127.0.0.1:${port}`);
    const [, kibibytes = ""] =
      /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${envoy.pid}/status`, "utf8")) ?? [];
    return Number(kibibytes) / KIB;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function settingsOf(name: string): unknown {
  return SETTINGS[name] ?? Object.fromEntries(parts(name).map((part) => [part, SETTINGS[part]]));
}

const base = { few: 0, many: 0 };
console.log(
  `${"".padEnd(24)}${"module, KiB".padStart(12)}${"once, MiB".padStart(12)}${"a worker, MiB".padStart(15)}`,
);
for (const subject of subjects) {
  const few = await resident(subject, FEW);
  const many = await resident(subject, MANY);
  if (subject.modules.length === 0) Object.assign(base, { few, many });
  const isBase = subject.modules.length === 0;
  const perWorker = (many - few - (isBase ? 0 : base.many - base.few)) / (MANY - FEW);
  const once = few - (isBase ? 0 : base.few) - perWorker * FEW;
  const bytes = subject.modules.reduce((sum, { bytes }) => sum + bytes, 0);
  console.log(
    `${subject.name.padEnd(24)}${(bytes / KIB).toFixed(0).padStart(12)}${once.toFixed(1).padStart(12)}${perWorker.toFixed(2).padStart(15)}`,
  );
}
