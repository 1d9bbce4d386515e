// The container engine of this machine as `docker` and `docker compose` reach it, and the images
// that a mesh needs.

import { MeshwrightError } from "../../envoy/errors.js";
import { type CommandResult, runBounded } from "../../envoy/runtime/command.js";
import { imageVersion, localImage, officialImage } from "../../envoy/runtime/image.js";
import { localNodeImage } from "../../envoy/runtime/make-image.js";
import { REDIRECT_IMAGE } from "./around/redirect-image.js";
import { NODE_IMAGE } from "./images.js";

const LOOK_MS = 20_000;
const PULL_MS = 600_000;
/** `docker compose` of this major release and later has all that is used here. */
const COMPOSE_MAJOR = 2;

export interface ComposeEngine {
  /** The engine's version. */
  readonly version: string;
  readonly composeVersion: string;
}

/** Runs `docker`. Never rejects. */
export function docker(
  args: readonly string[],
  env = process.env,
  timeoutMs = LOOK_MS,
  cwd = process.cwd(),
): Promise<CommandResult> {
  return runBounded("docker", args, { timeoutMs, env, cwd });
}

export interface EngineOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Whether the mesh could run as processes, which a person is then told. Default: true. */
  readonly canBeProcesses?: boolean;
}

/**
 * Settles when the engine answers and compose is there.
 * @throws MeshwrightError `tool-missing` where docker or compose is not installed,
 * `envoy-not-found` where no engine answers
 */
export async function findComposeEngine({
  env = process.env,
  canBeProcesses = true,
}: EngineOptions = {}): Promise<ComposeEngine> {
  const instead = canBeProcesses ? ", or start with --engine process" : "";
  const server = await docker(["version", "--format", "{{.Server.Version}}"], env);
  if (server.outcome === "failed") throw noEngine(server, instead);
  const compose = await docker(["compose", "version", "--short"], env);
  const composeVersion = compose.output.trim().replace(/^v/, "");
  const major = Number(composeVersion.split(".")[0]);
  if (compose.outcome === "done" && major >= COMPOSE_MAJOR) {
    return { version: server.output.trim(), composeVersion };
  }
  throw new MeshwrightError(
    "tool-missing",
    `\`docker compose\` is not installed here: install Docker's compose plugin 2.24 or later${instead}`,
  );
}

function noEngine(
  { output, reason, ...failed }: Extract<CommandResult, { outcome: "failed" }>,
  instead: string,
): MeshwrightError {
  if (failed.code === undefined && /no such program/.test(reason)) {
    return new MeshwrightError("tool-missing", `docker is not installed here: install Docker${instead}`);
  }
  if (/permission denied/i.test(output)) {
    return new MeshwrightError(
      "envoy-not-found",
      `this user may not use the container engine: join the group docker (\`sudo usermod -aG docker $USER\`, then log in again)${instead}`,
    );
  }
  const said = output.trim().split("\n").at(-1) ?? reason;
  return new MeshwrightError("envoy-not-found", `no container engine answers here: start Docker${instead}`, [
    said,
  ]);
}

/** The images of a mesh, by the variables of its compose file. */
export interface MeshImages {
  readonly ENVOY_IMAGE: string;
  readonly NODE_IMAGE: string;
  /** Compose builds it where it is not on this machine. */
  readonly REDIRECT_IMAGE: string;
}

/**
 * For each image: the one that the variable names; otherwise the official one if it is on this
 * machine, then the local one if that is, and last the official one, to be pulled.
 */
export async function chooseImages(env = process.env): Promise<MeshImages> {
  const version = imageVersion(env);
  return {
    ENVOY_IMAGE: env.ENVOY_IMAGE || (await present([officialImage(version), localImage(version)])),
    NODE_IMAGE: env.NODE_IMAGE || (await present([NODE_IMAGE, localNodeImage()])),
    REDIRECT_IMAGE: env.REDIRECT_IMAGE || REDIRECT_IMAGE,
  };
}

async function present(names: readonly [official: string, ...string[]]): Promise<string> {
  for (const name of names) if (await isImageHere(name)) return name;
  return names[0];
}

/** Whether the image is on this machine. */
export async function isImageHere(name: string): Promise<boolean> {
  return (await docker(["image", "inspect", "--format", "{{.Id}}", name])).outcome === "done";
}

/**
 * Pulls the images that are not on this machine.
 * @throws MeshwrightError `envoy-not-found` for one that cannot be pulled
 */
export async function pullMissing(
  names: readonly string[],
  onProgress: (line: string) => void,
): Promise<void> {
  for (const name of new Set(names)) {
    if (await isImageHere(name)) continue;
    onProgress(`Pulling the image ${name} …`);
    const pulled = await docker(["pull", "--quiet", name], process.env, PULL_MS);
    if (pulled.outcome === "done") continue;
    const said = pulled.output.trim().split("\n").at(-1) ?? pulled.reason;
    throw new MeshwrightError(
      "envoy-not-found",
      `the image ${name} is not on this machine and cannot be pulled: ${said}; make images in its place with \`meshwright image --node\`, or name others in ENVOY_IMAGE and NODE_IMAGE`,
    );
  }
}

/**
 * Why no mesh can run in containers here without pulling an image; undefined where one can.
 */
export async function whyNoContainers(env = process.env): Promise<string | undefined> {
  try {
    await findComposeEngine({ env });
  } catch (error) {
    if (error instanceof MeshwrightError) return error.message;
    throw error;
  }
  const { ENVOY_IMAGE, NODE_IMAGE: node } = await chooseImages(env);
  for (const name of [ENVOY_IMAGE, node]) {
    if (!(await isImageHere(name))) return `the image ${name} is not on this machine`;
  }
  return undefined;
}
