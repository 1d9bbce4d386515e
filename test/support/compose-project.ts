// A copy of the demo's compose project, started by `docker compose` alone.

import { execFile } from "node:child_process";
import { chmod, cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { chooseImages } from "../../compose/containers/engine.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { freePorts } from "../../envoy/runtime/ports.js";

const run = promisify(execFile);
const UP_MS = 170_000;
const COPIED = ["docker-compose.yaml", ".env", "envoy", "services", "mesh.yaml"];

export interface ComposeProjectCopy extends AsyncDisposable {
  readonly folder: string;
  readonly name: string;
  readonly gateway: string;
  readonly status: string;
  /** Runs `docker compose` for the project, and returns what it wrote. */
  compose(args: readonly string[]): Promise<string>;
  /** Runs a program in a service's container, and returns its output. Rejects where it fails. */
  exec(service: string, command: readonly string[]): Promise<string>;
}

/** Disposing of it removes containers, networks and the folder. */
export async function copyProject(env: Readonly<Record<string, string>> = {}): Promise<ComposeProjectCopy> {
  const folder = await mkdtemp(path.join(tmpdir(), "compose-"));
  // Containers read it as users of their own.
  await chmod(folder, 0o755);
  for (const name of COPIED) {
    await cp(path.join(PACKAGE_ROOT, "compose", name), path.join(folder, name), { recursive: true });
  }
  const [gateway = 0, status = 0] = await freePorts(2);
  const name = path.basename(folder).toLowerCase();
  const settings = {
    ...process.env,
    ...(await chooseImages()),
    GATEWAY_PORT: String(gateway),
    STATUS_PORT: String(status),
    MODULES: path.join(PACKAGE_ROOT, "build"),
    ...env,
  };
  const compose = async (args: readonly string[]) => {
    const file = path.join(folder, "docker-compose.yaml");
    const options = { env: settings, timeout: UP_MS, maxBuffer: 64 * 1024 * 1024 };
    const { stdout, stderr } = await run("docker", ["compose", "-p", name, "-f", file, ...args], options);
    return stdout + stderr;
  };
  return {
    folder,
    name,
    gateway: `http://127.0.0.1:${gateway}`,
    status: `http://127.0.0.1:${status}`,
    compose,
    exec: (service, command) => compose(["exec", "-T", service, ...command]),
    [Symbol.asyncDispose]: async () => {
      await compose(["down", "--volumes", "--remove-orphans", "--timeout", "1"]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
