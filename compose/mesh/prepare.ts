// What comes before a mesh, whatever it runs as: its filters' modules, and its port.

import { MeshwrightError } from "../../envoy/errors.js";
import { describeUnusable, portStateAt } from "../../envoy/runtime/ports.js";
import { findRunnable } from "../../toolchain/bundle/find.js";
import type { RunEvent } from "../events.js";
import { buildModules } from "../modules.js";
import type { RunDirectory } from "../run-directory.js";
import { toItsEnd } from "../to-its-end.js";
import type { Mesh } from "./shape.js";
import { wasmFilters } from "./topology.js";

/** How a mesh is started, whatever it runs as. */
export interface StartMeshOptions {
  /** The mesh file. */
  readonly file: string;
  /** The gateway's port, which overrides the file's; 0 takes a free one. */
  readonly gatewayPort?: number;
  /** The run's folder is `.meshwright/<mesh name>` below this one. Default: the current folder. */
  readonly cwd?: string;
  /**
   * The folder of the filters' modules; missing ones are built there. Default: `build` of this
   * package.
   */
  readonly modules?: string;
  readonly onEvent?: (event: RunEvent) => void;
  /** An abort ends the start. */
  readonly signal?: AbortSignal;
}

/** Builds the filters and bundles, and returns the modules' files by their names. */
export async function buildMeshModules(
  mesh: Mesh,
  options: Pick<StartMeshOptions, "signal" | "onEvent" | "modules">,
): Promise<ReadonlyMap<string, string>> {
  const { signal, onEvent = () => {}, modules: outDir } = options;
  const onProgress = (text: string) => onEvent({ kind: "progress", text });
  const members = await Promise.all(wasmFilters(mesh).map((name) => findRunnable(name)));
  return toItsEnd(buildModules(members, { outDir, onProgress }), signal);
}

export async function checkGatewayPort(address: string, port: number, file: string): Promise<void> {
  const state = port === 0 ? "free" : await portStateAt(address, port);
  if (state === "free") return;
  throw new MeshwrightError(
    "port-taken",
    `port ${port} of the gateway ${describeUnusable(state, `change gateway.port in ${file}, or start with --port N`)}`,
  );
}

/**
 * After a failure the logs stay and the error names their folder. After an abort nothing is left.
 */
export async function afterFailure(
  error: unknown,
  directory: RunDirectory,
  signal?: AbortSignal,
): Promise<unknown> {
  if (!signal?.aborted && error instanceof MeshwrightError) {
    await directory.keep();
    return new MeshwrightError(
      error.code,
      error.message,
      [...error.details, `The logs are in ${directory.path}.`],
      { cause: error },
    );
  }
  await directory[Symbol.asyncDispose]();
  return error;
}
