// Whether a test's Envoy is a process or a container, and how each is started.

import { randomUUID } from "node:crypto";
import { MeshwrightError } from "../../envoy/errors.js";
import { HOST_NAME, startEnvoyContainer } from "../../envoy/runtime/container.js";
import { type ContainerNetwork, connectEngine, type Engine, networkOf } from "../../envoy/runtime/engine.js";
import { type EnvoyBinary, findEnvoy } from "../../envoy/runtime/find.js";
import { findImage } from "../../envoy/runtime/image.js";
import { startEnvoyProcess } from "../../envoy/runtime/process.js";
import type { EnvoyRunOptions, RunningEnvoy } from "../../envoy/runtime/running.js";

/** What a test's Envoy runs as. */
export type EnvoyRuntime = "process" | "container";

interface ProcessRuntime {
  readonly kind: "process";
  readonly binary: EnvoyBinary;
}

interface ContainerRuntime {
  readonly kind: "container";
  readonly engine: Engine;
  readonly image: string;
  readonly network: ContainerNetwork;
  /** Says whose the container is, so that it can be cleared away. */
  readonly owner: string;
}

export type Runtime = ProcessRuntime | ContainerRuntime;

export interface RuntimeChoice {
  readonly runtime?: EnvoyRuntime;
  readonly network?: ContainerNetwork;
}

/**
 * What was asked for, else what `MESHWRIGHT_ENVOY` says, else a process where an Envoy is to be had
 * and a container where not.
 * @throws MeshwrightError `envoy-not-found`; `usage` when the variable says neither
 */
export async function chooseRuntime(choice: RuntimeChoice, env = process.env): Promise<Runtime> {
  const wanted = choice.runtime ?? runtimeOf(env.MESHWRIGHT_ENVOY);
  if (wanted === "container") return containerRuntime(choice, env);
  try {
    return { kind: "process", binary: await findEnvoy({ env }) };
  } catch (error) {
    if (wanted === "process" || !isNotFound(error)) throw error;
    return await containerRuntime(choice, env).catch((other: unknown) => {
      throw isNotFound(other) ? neither(error, other) : other;
    });
  }
}

function runtimeOf(text: string | undefined): EnvoyRuntime | undefined {
  if (text === undefined || text === "") return undefined;
  if (text === "process" || text === "container") return text;
  throw new MeshwrightError("usage", `MESHWRIGHT_ENVOY is "${text}": set it to process or container`);
}

function isNotFound(error: unknown): error is MeshwrightError {
  return error instanceof MeshwrightError && error.code === "envoy-not-found";
}

function neither(asProcess: MeshwrightError, asContainer: MeshwrightError): MeshwrightError {
  const failures = [...asProcess.details, `container: ${asContainer.message}`];
  return new MeshwrightError("envoy-not-found", asProcess.message, failures);
}

async function containerRuntime(choice: RuntimeChoice, env: NodeJS.ProcessEnv): Promise<ContainerRuntime> {
  const engine = await connectEngine();
  const image = await findImage(engine, env);
  const network = choice.network ?? networkOf(engine);
  return { kind: "container", engine, image, network, owner: randomUUID() };
}

/**
 * Why no Envoy can run in a container here; `undefined` where one can. For tests that are then
 * skipped, by name.
 */
export async function whyNoContainer(env = process.env): Promise<string | undefined> {
  try {
    await findImage(await connectEngine(), env);
    return undefined;
  } catch (error) {
    if (isNotFound(error)) return error.message;
    throw error;
  }
}

/**
 * Where listeners and the admin interface listen, and where the servers of this machine are: as
 * Envoy sees it.
 */
export function addressesOf(runtime: Runtime): { readonly listen: string; readonly host: string } {
  return runtime.kind === "container" && runtime.network === "published"
    ? { listen: "0.0.0.0", host: HOST_NAME }
    : { listen: "127.0.0.1", host: "127.0.0.1" };
}

export interface LaunchOptions extends EnvoyRunOptions {
  /** Those of the bootstrap, the admin interface's among them. */
  readonly ports: readonly number[];
  /** Beside `directory`. */
  readonly readableFolders: readonly string[];
}

/** Starts Envoy and settles when it serves. */
export function launch(runtime: Runtime, options: LaunchOptions): Promise<RunningEnvoy> {
  const { ports, readableFolders, ...rest } = options;
  if (runtime.kind === "process") return startEnvoyProcess({ ...rest, binary: runtime.binary });
  const { kind: _, ...container } = runtime;
  return startEnvoyContainer({ ...rest, ...container, ports, readableFolders });
}
