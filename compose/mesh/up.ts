// Starts a mesh: filters, Envoy, ports, then every service and every Envoy at the same time.

import path from "node:path";
import { ResourceServer } from "../../envoy/discovery/resource-server.js";
import { findCaBundle } from "../../envoy/runtime/ca-bundle.js";
import { type EnvoyBinary, findEnvoy } from "../../envoy/runtime/find.js";
import { type HeldPort, holdPorts } from "../../envoy/runtime/ports.js";
import { namedModule } from "../../toolchain/compile/module-source.js";
import { startDiscovery } from "../identity/processes.js";
import { LeanModules } from "../lean-modules.js";
import { LOOPBACK } from "../listener-options.js";
import { claimRunDirectory } from "../run-directory.js";
import { toItsEnd } from "../to-its-end.js";
import { DEFAULT_GATEWAY_PORT, type MeshPlanOptions, portNames, speaksTls } from "./addresses.js";
import { needsContainers } from "./compose-checks.js";
import { refuseMesh } from "./file.js";
import { MeshReader } from "./mesh-reader.js";
import { planMesh } from "./plan.js";
import { afterFailure, buildMeshModules, checkGatewayPort, type StartMeshOptions } from "./prepare.js";
import { RunningMesh } from "./running-mesh.js";
import type { Mesh } from "./shape.js";
import { startParts } from "./start-parts.js";

/**
 * Starts a mesh and settles when every part of it takes requests. While it runs, edits of the file
 * are applied where no restart is needed.
 *
 * Throws `MeshwrightError`: `configuration` for the file, `port-taken` for the gateway's port,
 * `already-running`, `build`, `envoy-not-found`, `envoy-failed` and `service-failed`; the reason of
 * `signal` after an abort. By then everything that was started has ended. The run's folder stays
 * with the logs, except after an abort.
 */
export async function startMesh(options: StartMeshOptions): Promise<RunningMesh> {
  const { signal, onEvent = () => {} } = options;
  const file = path.resolve(options.file);
  const reader = new MeshReader(file, onEvent);
  const { value: mesh, placeOf } = await reader.read();
  refuseMesh(needsContainers(mesh), placeOf);
  const gatewayPort = options.gatewayPort ?? mesh.gateway.port ?? DEFAULT_GATEWAY_PORT;
  await checkGatewayPort(mesh.gateway.address ?? LOOPBACK, gatewayPort, options.file);
  // Before a build and a fetch that may take minutes, and would be for nothing.
  const directory = await claimRunDirectory(mesh.name, options.cwd);
  const { binary, modules } = await prepare(mesh, options).catch(async (error: unknown) => {
    await directory[Symbol.asyncDispose]();
    throw error;
  });
  const identified = await startDiscovery(mesh, {
    directory: directory.path,
    home: path.dirname(file),
    onEvent,
  }).catch(async (error: unknown) => {
    await directory[Symbol.asyncDispose]();
    throw error;
  });
  const resources = await ResourceServer.start();
  const held = await choosePorts(mesh, gatewayPort);
  const lean = new LeanModules(path.join(directory.path, "modules"));
  try {
    const planOptions: MeshPlanOptions = {
      directory: directory.path,
      home: path.dirname(file),
      caFile: speaksTls(mesh) ? await findCaBundle() : undefined,
      ports: new Map([...held].map(([name, { port }]) => [name, port])),
      modulePath: (use) => lean.pathOf(namedModule(modules.get(use.filter) ?? ""), use),
    };
    const plan = planMesh(mesh, planOptions);
    const run = { binary, discovery: identified.discovery, resources, directory, onEvent };
    const parts = await startParts(plan, {
      ...run,
      held,
      prepare: async () => lean.restore(),
      ...(signal === undefined ? {} : { signal }),
    });
    const { discovery: _, ...rest } = run;
    return await RunningMesh.over({
      ...rest,
      discovery: identified,
      mesh,
      file,
      reader,
      plan,
      planOptions,
      parts,
    });
  } catch (error) {
    await Promise.all([...held.values()].map((each) => each.release()));
    await identified[Symbol.asyncDispose]();
    await resources[Symbol.asyncDispose]();
    throw await afterFailure(error, directory, signal);
  }
}

interface Prepared {
  readonly binary: EnvoyBinary;
  /** The modules' files by the names of the filters and bundles. */
  readonly modules: ReadonlyMap<string, string>;
}

/** Builds the filters and bundles, and finds Envoy. */
async function prepare(mesh: Mesh, options: StartMeshOptions): Promise<Prepared> {
  const { signal, onEvent = () => {} } = options;
  const onProgress = (text: string) => onEvent({ kind: "progress", text });
  const modules = await buildMeshModules(mesh, options);
  const abort = signal === undefined ? {} : { signal };
  return { binary: await toItsEnd(findEnvoy({ onProgress, ...abort }), signal), modules };
}

/**
 * A big mesh takes minutes to start, and any process of the machine may take a port meanwhile:
 * those of each part are held until it starts.
 */
async function choosePorts(mesh: Mesh, gatewayPort: number): Promise<ReadonlyMap<string, HeldPort>> {
  const names = portNames(mesh);
  const held = await holdPorts(names.length);
  const ports = new Map(names.flatMap((name, i) => (held[i] === undefined ? [] : [[name, held[i]]])));
  if (gatewayPort === 0) return ports;
  await ports.get("gateway public")?.release();
  return ports.set("gateway public", { port: gatewayPort, release: async () => {} });
}
