// The programs of `test/istio`: Istio's, those of Kubernetes and Envoy Gateway. Go builds them from
// the modules in `test/istio/programs`, once, into the cache. That takes minutes, so no test starts
// it: `npm run test:istio`, `npm run test:kubernetes` and .ci/run do.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdtemp, rename, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { startChild } from "../../envoy/runtime/child.js";
import { cacheFolder } from "../../envoy/runtime/find.js";
import { makeFolder } from "../../envoy/runtime/folder.js";
import { startGuard } from "../../envoy/runtime/guard.js";
import { waitForLock } from "../../envoy/runtime/lock.js";
import { runProgram } from "../../envoy/runtime/run-program.js";

const SOURCES = path.join(PACKAGE_ROOT, "test/istio/programs");

interface ProgramFacts {
  /** The folder of its Go module. */
  readonly module: "istio" | "kubernetes" | "envoy-gateway";
  /** Its package. For a file: the module that has it. */
  readonly from: string;
  /** The path of a file in that module, which is copied and not built. */
  readonly file?: string;
  /** What its linker sets. Default: nothing. */
  readonly set?: readonly string[];
}

const KUBERNETES = "k8s.io/component-base/version";
/** What its programs call themselves, which an EnvoyFilter's `proxyVersion` may match. */
const ISTIO_VERSION = ["istio.io/istio/pkg/version.buildVersion=1.31.0"];

const PROGRAMS = {
  "istiod-lite": { module: "istio", from: "./istiod-lite", set: ISTIO_VERSION },
  "pilot-agent": { module: "istio", from: "istio.io/istio/pilot/cmd/pilot-agent", set: ISTIO_VERSION },
  istioctl: { module: "istio", from: "istio.io/istio/istioctl/cmd/istioctl", set: ISTIO_VERSION },
  "envoy_bootstrap.json": {
    module: "istio",
    from: "istio.io/istio",
    file: "tools/packaging/common/envoy_bootstrap.json",
  },
  "pilot-discovery": {
    module: "istio",
    from: "istio.io/istio/pilot/cmd/pilot-discovery",
    set: ISTIO_VERSION,
  },
  etcd: { module: "kubernetes", from: "go.etcd.io/etcd/server/v3" },
  kubectl: { module: "kubernetes", from: "k8s.io/kubernetes/cmd/kubectl" },
  "kube-apiserver": {
    module: "kubernetes",
    from: "k8s.io/kubernetes/cmd/kube-apiserver",
    set: [`${KUBERNETES}.gitVersion=v1.36.1`, `${KUBERNETES}.gitMajor=1`, `${KUBERNETES}.gitMinor=36`],
  },
  "envoy-gateway": { module: "envoy-gateway", from: "github.com/envoyproxy/gateway/cmd/envoy-gateway" },
} as const satisfies Record<string, ProgramFacts>;
type Program = keyof typeof PROGRAMS;

/** What the tests of each command need. */
export const SETS = {
  istio: ["istiod-lite", "pilot-agent", "istioctl", "envoy_bootstrap.json"],
  kubernetes: [
    "pilot-discovery",
    "pilot-agent",
    "envoy_bootstrap.json",
    "etcd",
    "kube-apiserver",
    "kubectl",
    "envoy-gateway",
  ],
} as const satisfies Record<string, readonly Program[]>;
export type ProgramSet = keyof typeof SETS;

/**
 * Where a program is, once it is built: in another folder for each state of its sources, so that
 * what is there is never stale.
 */
export function programPath(name: Program): string {
  return path.join(cacheFolder(process.env), "istio", digestOf(PROGRAMS[name]), name);
}

function digestOf(facts: ProgramFacts): string {
  const module = path.join(SOURCES, facts.module);
  const sum = createHash("sha256").update(JSON.stringify(facts));
  const own = facts.from.startsWith("./") ? readdirSync(path.join(module, facts.from)).sort() : [];
  for (const name of ["go.mod", "go.sum", ...own.map((each) => path.join(facts.from, each))]) {
    sum.update(`${name}\0`).update(readFileSync(path.join(module, name)));
  }
  return sum.digest("hex").slice(0, 16);
}

const isBuilt = (name: Program) => existsSync(programPath(name));

export interface BuildOptions {
  /** Called with a line for each program, and every half a minute. */
  readonly onProgress: (line: string) => void;
}

const TELL_MS = 30_000;

/**
 * Builds what is not there yet. Another process that builds the same is waited for.
 * @throws MeshwrightError `tool-missing` where Go is not here or too old, `build` where it fails
 */
export async function buildPrograms(set: ProgramSet, { onProgress }: BuildOptions): Promise<void> {
  for (const name of SETS[set]) {
    if (isBuilt(name)) continue;
    const place = programPath(name);
    using _lock = await waitForLock(`${place}.lock`, { onWaiting: onProgress });
    if (!isBuilt(name)) await make(name, place, onProgress);
  }
}

async function make(name: Program, place: string, onProgress: (line: string) => void): Promise<void> {
  const facts: ProgramFacts = PROGRAMS[name];
  const sources = path.join(SOURCES, facts.module);
  await checkGo(sources);
  await makeFolder(path.dirname(place));
  // Moved to its place in one step: what is there is whole.
  const temporary = await mkdtemp(path.join(path.dirname(place), ".build-"));
  // A build that is killed leaves nothing either.
  const guard = startGuard({ directory: temporary });
  const made = path.join(temporary, name);
  try {
    if (facts.file === undefined) await build(facts, made, onProgress);
    else await copyFile(path.join(await moduleFolder(sources, facts.from), facts.file), made);
    await rename(made, place);
  } finally {
    await rm(temporary, { recursive: true, force: true });
    guard.release();
  }
}

/** Go fetches the release that go.mod asks for, where it may and this one is older. */
async function checkGo(sources: string): Promise<void> {
  const { code, output } = await runProgram("go", ["version"], sources);
  if (code === 0) return;
  throw new MeshwrightError(
    "tool-missing",
    `${path.relative(PACKAGE_ROOT, sources)} needs the Go of its go.mod, or Go 1.21 that may fetch it: ${output.trim()}`,
  );
}

async function build(
  { module, from, set = [] }: ProgramFacts,
  to: string,
  onProgress: (line: string) => void,
): Promise<void> {
  const name = path.basename(to);
  const started = performance.now();
  const seconds = () => `${Math.round((performance.now() - started) / 1000)} s`;
  onProgress(`${name}: building it once, with all that it stands on. The first of a module takes minutes.`);
  const timer = setInterval(() => onProgress(`${name}: still building after ${seconds()}`), TELL_MS);
  try {
    // The linker need write no data for debuggers.
    const link = ["-s", "-w", ...set.map((each) => `-X ${each}`)].join(" ");
    const flags = ["-trimpath", "-buildvcs=false", "-ldflags", link];
    const args = ["build", "-C", path.join(SOURCES, module), ...flags, "-o", to, from];
    await using child = startChild({ name: "go", command: "go", args });
    const { code } = await child.exited;
    if (code !== 0) throw new MeshwrightError("build", `go build ${from} failed`, child.logs().split("\n"));
  } finally {
    clearInterval(timer);
  }
  onProgress(`${name}: built in ${seconds()}`);
}

/** The folder of a Go module that one of ours requires, for the files in it. */
export function requiredModule(by: ProgramFacts["module"], name: string): Promise<string> {
  return moduleFolder(path.join(SOURCES, by), name);
}

async function moduleFolder(sources: string, module: string): Promise<string> {
  const { code, output } = await runProgram("go", ["list", "-m", "-f", "{{.Dir}}", module], sources);
  if (code === 0) return output.trim();
  throw new MeshwrightError("build", `go list -m ${module}: ${output.trim()}`);
}

/** Set by .ci/run and `npm run test:istio`: tests that cannot run are failures. */
const REQUIRED = process.env.MESHWRIGHT_REQUIRE_ISTIO === "1";

/**
 * Whether tests with Istio can run here.
 * @throws MeshwrightError `tool-missing` where they must run and cannot
 */
export function hasIstio(): boolean {
  const why = obstacle();
  if (why !== undefined && REQUIRED)
    throw new MeshwrightError("tool-missing", `tests with Istio need ${why}`);
  return why === undefined;
}

function obstacle(): string | undefined {
  if (os.platform() !== "linux") return "Linux, for Istio's agent";
  if (!SETS.istio.every(isBuilt)) return "Istio's programs, which npm run test:istio builds";
  return canUnshare() ? undefined : "a mount namespace for each agent: run them as root";
}

/**
 * The words before a command that give it a `/var/lib` of its own: Istio's agent keeps modules in
 * `/var/lib/istio/data`, a constant.
 */
export function ownVarLib(): readonly string[] {
  const flags = os.userInfo().uid === 0 ? "-m" : "-rm";
  const prepare = 'mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/istio/data && exec "$@"';
  return ["unshare", flags, "sh", "-c", prepare, "sh"];
}

let unshares: boolean | undefined;

function canUnshare(): boolean {
  const [command = "", ...args] = ownVarLib();
  unshares ??= spawnSync(command, [...args, "true"]).status === 0;
  return unshares;
}
