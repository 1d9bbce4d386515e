// Starts a mesh in containers: the engine and the images, filters, ports, then the compose project.

import { createHash } from "node:crypto";
import path from "node:path";
import { freePorts } from "../../envoy/runtime/ports.js";
import { startIdentity } from "../identity/containers.js";
import type { MeshIdentity } from "../identity/mesh-identity.js";
import { LOOPBACK } from "../listener-options.js";
import { DEFAULT_GATEWAY_PORT } from "../mesh/addresses.js";
import { MeshReader } from "../mesh/mesh-reader.js";
import { afterFailure, buildMeshModules, checkGatewayPort, type StartMeshOptions } from "../mesh/prepare.js";
import { claimRunDirectory } from "../run-directory.js";
import { toItsEnd } from "../to-its-end.js";
import { ComposeCli } from "./compose-cli.js";
import { ContainerMesh } from "./container-mesh.js";
import { chooseImages, findComposeEngine, pullMissing } from "./engine.js";
import { planRun } from "./plan.js";
import { guardProject } from "./remnants.js";
import { copyModules, type RunSettings, writeEnvoys, writeProject } from "./run-files.js";
import { checkRunnable } from "./runnable.js";
import { untilHealthy } from "./until-healthy.js";

/**
 * Starts a mesh and settles when every part of it is healthy. Throws as `startMesh` of
 * `mesh/up.ts`, and `tool-missing` without docker or compose. By then nothing of it is left.
 */
export async function startContainers(options: StartMeshOptions): Promise<ContainerMesh> {
  const { signal, onEvent = () => {} } = options;
  const file = path.resolve(options.file);
  const reader = new MeshReader(file, onEvent);
  const mesh = await reader.read();
  checkRunnable(mesh, options.file);
  const engine = await findComposeEngine();
  const gatewayPort = options.gatewayPort ?? mesh.gateway.port ?? DEFAULT_GATEWAY_PORT;
  await checkGatewayPort(mesh.gateway.address ?? LOOPBACK, gatewayPort, options.file);
  const directory = await claimRunDirectory(mesh.name, options.cwd);
  const compose = new ComposeCli(projectName(mesh.name, directory.path), directory.path);
  const guard = guardProject(compose.project, directory.path);
  let identity: MeshIdentity | undefined;
  try {
    // What a killed run may have left.
    await compose.down();
    const onProgress = (text: string) => onEvent({ kind: "progress", text });
    const images = await chooseImages();
    await toItsEnd(pullMissing(Object.values(images), onProgress), signal);
    const modules = await buildMeshModules(mesh, options);
    const plan = planRun(mesh, file, compose.project);
    const [port = 0, statusPort = 0] = await freePorts(2);
    const gatewayAddress = mesh.gateway.address ?? LOOPBACK;
    const settings: RunSettings = { images, gatewayAddress, gatewayPort: gatewayPort || port, statusPort };
    await copyModules(directory.path, modules);
    await writeEnvoys(directory.path, plan, () => true);
    identity = await startIdentity(mesh, { directory: directory.path, onEvent });
    await writeProject(directory.path, plan, settings);
    onProgress(`Starting containers (Docker ${engine.version}, compose ${engine.composeVersion}) …`);
    await untilHealthy(compose, plan, { onEvent, ...(signal === undefined ? {} : { signal }) });
    return await ContainerMesh.over({
      mesh,
      file,
      reader,
      plan,
      settings,
      compose,
      directory,
      guard,
      engine,
      identity,
      onEvent,
    });
  } catch (error) {
    identity?.[Symbol.dispose]();
    await compose.down();
    guard.release();
    throw await afterFailure(error, directory, signal);
  }
}

/** A project for each run's folder: meshes of the same name may run in two folders. */
function projectName(mesh: string, directory: string): string {
  return `meshwright-${mesh}-${createHash("sha256").update(directory).digest("hex").slice(0, 8)}`;
}
