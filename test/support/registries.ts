// Real registries and clients of images, which others made: go-containerregistry's, which Go builds
// from its module, once, into the cache, and Debian's.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MeshwrightError } from "../../envoy/errors.js";
import { startChild } from "../../envoy/runtime/child.js";
import { runBounded } from "../../envoy/runtime/command.js";
import { cacheFolder } from "../../envoy/runtime/find.js";
import { makeFolder } from "../../envoy/runtime/folder.js";
import { startGuard } from "../../envoy/runtime/guard.js";
import { freePorts } from "../../envoy/runtime/ports.js";

const MODULE = "github.com/google/go-containerregistry";
const VERSION = "v0.22.1";
const PROGRAMS = ["registry", "crane"] as const;

const LOOK_MS = 20_000;
const BUILD_MS = 300_000;
const READY_MS = 15_000;
const CLIENT_MS = 60_000;
const POLL_MS = 20;

/** The login of `startDockerRegistry`. */
export const USER = "ann";
export const PASSWORD = "secret";
/** The password as htpasswd keeps it, by bcrypt: the only kind that the registry takes. */
const HTPASSWD = `${USER}:$2b$12$uFrVvHwJ8.a9j0IU1v/RLOpo/DwQoGet1iHZXL7JqQRSD/DgxwZTe\n`;

/** A running registry. Disposing of it ends it. */
export interface RunningRegistry extends AsyncDisposable {
  /** `localhost:PORT` */
  readonly host: string;
}

/** Whether the programs of go-containerregistry are in the cache, or Go can build them. */
export function hasContainerRegistry(): boolean {
  if (PROGRAMS.every((name) => existsSync(programPath(name)))) return true;
  return (
    spawnSync("go", ["list", "-m", `${MODULE}@${VERSION}`], { cwd: tmpdir(), timeout: LOOK_MS }).status === 0
  );
}

function programPath(name: (typeof PROGRAMS)[number]): string {
  return path.join(cacheFolder(process.env), "go-containerregistry", VERSION, name);
}

/** @throws MeshwrightError `build` where Go cannot build them */
async function prepare(): Promise<void> {
  if (PROGRAMS.every((name) => existsSync(programPath(name)))) return;
  const folder = path.dirname(programPath("crane"));
  await makeFolder(folder);
  // Built beside their final place and moved there in one step, since another process may build
  // them too.
  const temporary = await mkdtemp(path.join(folder, ".build-"));
  try {
    const wanted = PROGRAMS.map((name) => `${MODULE}/cmd/${name}@${VERSION}`);
    const env = { ...process.env, GOBIN: temporary };
    const built = await runBounded("go", ["install", ...wanted], { timeoutMs: BUILD_MS, env });
    if (built.outcome === "failed") {
      throw new MeshwrightError("build", `go install ${wanted.join(" ")}: ${built.reason}`, [built.output]);
    }
    for (const name of PROGRAMS) await rename(path.join(temporary, name), programPath(name));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** A registry in memory that lists no referrers and asks for no login. */
export async function startContainerRegistry(): Promise<RunningRegistry> {
  await prepare();
  const [port = 0] = await freePorts(1);
  return start("registry", programPath("registry"), ["-port", String(port)], port, await temporaryFolder());
}

/** Debian's registry, which asks for `USER` and `PASSWORD` by basic authentication. */
export async function startDockerRegistry(): Promise<RunningRegistry> {
  const [port = 0] = await freePorts(1);
  const folder = await temporaryFolder();
  const file = (name: string) => path.join(folder, name);
  await mkdir(file("storage"));
  await writeFile(file("htpasswd"), HTPASSWD);
  const config = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: file("storage") } },
    http: { addr: `127.0.0.1:${port}` },
    auth: { htpasswd: { realm: "lab", path: file("htpasswd") } },
  };
  // Every JSON text is YAML.
  await writeFile(file("config.yml"), JSON.stringify(config));
  return start("docker-registry", "docker-registry", ["serve", file("config.yml")], port, folder);
}

function temporaryFolder(): Promise<string> {
  return mkdtemp(path.join(tmpdir(), "meshwright-registry-"));
}

async function start(
  name: string,
  command: string,
  args: readonly string[],
  port: number,
  directory: string,
): Promise<RunningRegistry> {
  const guard = startGuard({ directory });
  const child = startChild({ name, command, args: [...args] });
  const stop = async () => {
    await child.stop();
    await rm(directory, { recursive: true, force: true });
    guard.release();
  };
  const until = performance.now() + READY_MS;
  while (!(await answers(port))) {
    if (performance.now() < until) await sleep(POLL_MS);
    else {
      await stop();
      throw new MeshwrightError(
        "service-failed",
        `${name} does not serve`,
        child.logs().split("\n").slice(-12),
      );
    }
  }
  return { host: `localhost:${port}`, [Symbol.asyncDispose]: stop };
}

async function answers(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined);
  return answer?.status === 200 || answer?.status === 401;
}

/** Runs `crane`, and returns what it prints. Throws with its own lines where it fails. */
export function crane(...args: readonly string[]): Buffer {
  return client(programPath("crane"), args);
}

/** Runs `skopeo`, and returns what it prints. Throws with its own lines where it fails. */
export function skopeo(...args: readonly string[]): Buffer {
  return client("skopeo", ["--insecure-policy", ...args]);
}

function client(program: string, args: readonly string[]): Buffer {
  return execFileSync(program, args, {
    timeout: CLIENT_MS,
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe"],
  });
}
