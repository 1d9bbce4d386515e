// The real rate limit service, `envoyproxy/ratelimit`, with its own Redis. Redis comes from the
// system. Go builds the service from its module, once, into the cache.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MeshwrightError } from "../../envoy/errors.js";
import { type ManagedChild, startChild } from "../../envoy/runtime/child.js";
import { runBounded } from "../../envoy/runtime/command.js";
import { cacheFolder } from "../../envoy/runtime/find.js";
import { makeFolder } from "../../envoy/runtime/folder.js";
import { startGuard } from "../../envoy/runtime/guard.js";
import { freePorts } from "../../envoy/runtime/ports.js";

const MODULE = "github.com/envoyproxy/ratelimit";
const VERSION = "v1.4.1-0.20260122083618-3fb702589d36";
const PROGRAM = "service_cmd";
const LOOPBACK = "127.0.0.1";

const LOOK_MS = 20_000;
const BUILD_MS = 240_000;
const READY_MS = 15_000;
const POLL_MS = 20;

/** One limit of the service's configuration, and the limits below it. */
export interface LimitDescriptor {
  readonly key: string;
  readonly value?: string;
  readonly rate_limit?: { readonly unit: string; readonly requests_per_unit: number };
  readonly shadow_mode?: boolean;
  readonly descriptors?: readonly LimitDescriptor[];
}

export interface EngineOptions {
  readonly domain: string;
  readonly descriptors: readonly LimitDescriptor[];
  /** Further environment variables of the service. Default: none. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A running service, as an upstream for Envoy. Disposing of it ends it and its Redis. */
export interface RateLimitEngine extends AsyncDisposable {
  readonly port: number;
  readonly protocol: "http2";
  /** Ends Redis but not the service. */
  stopRedis(): Promise<void>;
  /** Starts a new, empty Redis on the same port. */
  startRedis(): Promise<void>;
  /** The last lines of the service. */
  logs(): string;
}

/**
 * Whether the service can run here: from `$RATELIMIT_BIN`, from the copy in the cache, or from its
 * module if Go can build it.
 */
export function hasRateLimitEngine(): boolean {
  if (process.env.RATELIMIT_BIN !== undefined || existsSync(cachedProgram())) return true;
  const looked = spawnSync("go", ["list", "-m", `${MODULE}@${VERSION}`], { cwd: tmpdir(), timeout: LOOK_MS });
  return looked.status === 0;
}

function cachedProgram(): string {
  return join(cacheFolder(process.env), "ratelimit", VERSION, PROGRAM);
}

/**
 * @throws MeshwrightError `build` when Go cannot build it, for example because its module is not
 * available
 */
async function findProgram(): Promise<string> {
  const { RATELIMIT_BIN: given } = process.env;
  const program = given ?? cachedProgram();
  if (given === undefined && !existsSync(program)) await buildInto(program);
  return program;
}

async function buildInto(program: string): Promise<void> {
  const folder = join(program, "..");
  await makeFolder(folder);
  // Built beside its final place and moved there in one step, since another process may build it
  // too.
  const temporary = await mkdtemp(join(folder, ".build-"));
  try {
    const env = { ...process.env, GOBIN: temporary };
    const built = await runBounded("go", ["install", `${MODULE}/src/${PROGRAM}@${VERSION}`], {
      timeoutMs: BUILD_MS,
      env,
    });
    if (built.outcome === "failed") {
      throw new MeshwrightError("build", `go install ${MODULE}/src/${PROGRAM}@${VERSION}: ${built.reason}`, [
        built.output,
      ]);
    }
    await rename(join(temporary, PROGRAM), program);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * Starts the service, after building it if necessary, and waits until it serves.
 * @throws MeshwrightError `build` when it cannot be built, `service-failed` when it or Redis does
 * not start
 */
export async function startRateLimitEngine(options: EngineOptions): Promise<RateLimitEngine> {
  const program = await findProgram();
  const directory = await mkdtemp(join(tmpdir(), "meshwright-ratelimit-"));
  const guard = startGuard({ directory });
  const [redisPort = 0, port = 0, httpPort = 0, debugPort = 0] = await freePorts(4);
  const startRedis = async () => {
    const child = startChild({
      name: "redis",
      command: "redis-server",
      args: redisArgs(redisPort, directory),
    });
    await until(child, () => accepts(redisPort));
    return child;
  };
  let redis: ManagedChild | undefined;
  let service: ManagedChild | undefined;
  const stop = async () => {
    await service?.stop();
    await redis?.stop();
    await rm(directory, { recursive: true, force: true });
    guard.release();
  };
  try {
    redis = await startRedis();
    await writeLimits(directory, options);
    const env = { ...serviceEnv({ directory, redisPort, port, httpPort, debugPort }), ...options.env };
    service = startChild({ name: "ratelimit", command: program, args: [], env });
    await until(service, () => serves(httpPort));
  } catch (error) {
    await stop();
    throw error;
  }
  const running = service;
  return {
    port,
    protocol: "http2",
    stopRedis: async () => redis?.stop(),
    startRedis: async () => {
      redis = await startRedis();
    },
    logs: () => running.logs(),
    [Symbol.asyncDispose]: stop,
  };
}

function redisArgs(port: number, directory: string): readonly string[] {
  return ["--bind", LOOPBACK, "--port", String(port), "--save", "", "--appendonly", "no", "--dir", directory];
}

async function writeLimits(directory: string, { domain, descriptors }: EngineOptions): Promise<void> {
  const folder = join(directory, "config");
  await mkdir(folder);
  // Every JSON text is YAML.
  await writeFile(join(folder, "limits.yaml"), JSON.stringify({ domain, descriptors }));
}

interface Places {
  readonly directory: string;
  readonly redisPort: number;
  readonly port: number;
  readonly httpPort: number;
  readonly debugPort: number;
}

function serviceEnv({ directory, redisPort, port, httpPort, debugPort }: Places): Record<string, string> {
  return {
    RUNTIME_ROOT: directory,
    RUNTIME_SUBDIRECTORY: "",
    RUNTIME_WATCH_ROOT: "false",
    HOST: LOOPBACK,
    PORT: String(httpPort),
    DEBUG_HOST: LOOPBACK,
    DEBUG_PORT: String(debugPort),
    GRPC_HOST: LOOPBACK,
    GRPC_PORT: String(port),
    REDIS_SOCKET_TYPE: "tcp",
    REDIS_URL: `${LOOPBACK}:${redisPort}`,
    LIMIT_RESPONSE_HEADERS_ENABLED: "true",
    USE_STATSD: "false",
  };
}

async function until(child: ManagedChild, isReady: () => Promise<boolean>): Promise<void> {
  const started = performance.now();
  let hasEnded = false;
  child.exited.then(() => {
    hasEnded = true;
  });
  while (!(await isReady())) {
    if (!hasEnded && performance.now() - started < READY_MS) {
      await sleep(POLL_MS);
      continue;
    }
    await child.stop();
    const lines = child.logs().split("\n").slice(-12);
    throw new MeshwrightError("service-failed", `${child.name} does not serve: ${lines.at(-1)}`, lines);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, LOOPBACK, () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

async function serves(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://${LOOPBACK}:${port}/healthcheck`)).ok;
  } catch {
    return false;
  }
}
