// Chooses whether a test's Envoy is a process or a container, and starts it.

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
  /** The label that says to whom the container belongs, so that it can be removed. */
  readonly owner: string;
}

export type Runtime = ProcessRuntime | ContainerRuntime;

export interface RuntimeChoice {
  readonly runtime?: EnvoyRuntime;
  readonly network?: ContainerNetwork;
}

/**
 * The runtime that was asked for; otherwise the one that `MESHWRIGHT_ENVOY` names; otherwise a
 * process if an Envoy is available for one, else a container.
 * @throws MeshwrightError `envoy-not-found`; `usage` when the variable names neither
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
 * The reason why no Envoy can run in a container here; `undefined` when one can. For tests that are
 * then skipped and say why.
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
 * The addresses on which listeners and the admin interface listen, and at which Envoy finds the
 * servers of this machine.
 */
export function addressesOf(runtime: Runtime): { readonly listen: string; readonly host: string } {
  return runtime.kind === "container" && runtime.network === "published"
    ? { listen: "0.0.0.0", host: HOST_NAME }
    : { listen: "127.0.0.1", host: "127.0.0.1" };
}

export interface LaunchOptions extends EnvoyRunOptions {
  /** The ports of the bootstrap, including the admin interface's. */
  readonly ports: readonly number[];
  /** Folders that Envoy reads besides `directory`. */
  readonly readableFolders: readonly string[];
}

/** Starts Envoy and settles when it serves. */
export function launch(runtime: Runtime, options: LaunchOptions): Promise<RunningEnvoy> {
  const { ports, readableFolders, ...rest } = options;
  if (runtime.kind === "process") return startEnvoyProcess({ ...rest, binary: runtime.binary });
  const { kind: _, ...container } = runtime;
  return startEnvoyContainer({ ...rest, ...container, ports, readableFolders });
}
