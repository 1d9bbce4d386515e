// Starts a mesh in containers: the engine and the images, filters, ports, then the compose project.

import { createHash } from "node:crypto";
import path from "node:path";
import { freePorts } from "../../envoy/runtime/ports.js";
import { startIdentity } from "../identity/containers.js";
import type { MeshIdentity } from "../identity/mesh-identity.js";
import { LeanModules } from "../lean-modules.js";
import { LOOPBACK } from "../listener-options.js";
import { DEFAULT_GATEWAY_PORT } from "../mesh/addresses.js";
import { refuseMesh } from "../mesh/file.js";
import { allInstances } from "../mesh/instances.js";
import { MeshReader } from "../mesh/mesh-reader.js";
import { afterFailure, buildMeshModules, checkGatewayPort, type StartMeshOptions } from "../mesh/prepare.js";
import type { Mesh } from "../mesh/shape.js";
import { claimRunDirectory } from "../run-directory.js";
import { toItsEnd } from "../to-its-end.js";
import { isAround } from "./around/around.js";
import { buildRedirectImage } from "./around/build-image.js";
import { aroundNotes } from "./around/problems.js";
import { checkPublishedPorts } from "./around/published-ports.js";
import { readUserProject } from "./around/read-project.js";
import { refuseOthersContainers } from "./around/whose.js";
import { ComposeCli } from "./compose-cli.js";
import { ContainerMesh } from "./container-mesh.js";
import { chooseImages, findComposeEngine, type MeshImages, pullMissing } from "./engine.js";
import { imageOf } from "./images.js";
import { planRun, type RunOptions } from "./plan.js";
import { guardProject } from "./remnants.js";
import { copyModules, writeAround, writeEnvoys, writeProject } from "./run-files.js";
import { MODULES_FOLDER } from "./run-places.js";
import type { RunSettings } from "./run-settings.js";
import { containerProblems } from "./runnable.js";
import { untilHealthy } from "./until-healthy.js";

/**
 * Starts a mesh and settles when every part of it is healthy. Throws as `startMesh` of
 * `mesh/up.ts`, and `tool-missing` without docker or compose. By then nothing of it is left.
 */
export async function startContainers(options: StartMeshOptions): Promise<ContainerMesh> {
  const { signal, onEvent = () => {} } = options;
  const file = path.resolve(options.file);
  const reader = new MeshReader(file, onEvent);
  const { value: mesh, placeOf } = await reader.read();
  const engine = await findComposeEngine({ canBeProcesses: !isAround(mesh) });
  const read = isAround(mesh) ? await readUserProject(mesh, path.dirname(file)) : undefined;
  const around = read?.project;
  refuseMesh(containerProblems(mesh, around), placeOf);
  const gatewayPort = options.gatewayPort ?? mesh.gateway.port ?? DEFAULT_GATEWAY_PORT;
  await checkGatewayPort(mesh.gateway.address ?? LOOPBACK, gatewayPort, options.file);
  const directory = await claimRunDirectory(mesh.name, options.cwd);
  const project = around?.name ?? projectName(mesh.name, directory.path);
  if (around !== undefined) await refuseOthersContainers(project, directory.path).catch(giveUp(directory));
  const compose = new ComposeCli(project, directory.path, around);
  const guard = guardProject(project, directory.path, around === undefined);
  let identity: MeshIdentity | undefined;
  try {
    // What a killed run may have left.
    await compose.down();
    if (around !== undefined) await checkPublishedPorts(around);
    const onProgress = (text: string) => onEvent({ kind: "progress", text });
    for (const note of around === undefined ? [] : aroundNotes(mesh, around)) onProgress(note);
    const images = await chooseImages();
    await toItsEnd(pullMissing(imagesToPull(mesh, images), onProgress), signal);
    const modules = await buildMeshModules(mesh, options);
    const [port = 0, statusPort = 0] = await freePorts(2);
    const gatewayAddress = mesh.gateway.address ?? LOOPBACK;
    const settings: RunSettings = { images, gatewayAddress, gatewayPort: gatewayPort || port, statusPort };
    const run: RunOptions = {
      ...{ file, project, directory: directory.path, settings, pods: allInstances(mesh).length },
      lean: new LeanModules(path.join(directory.path, MODULES_FOLDER)),
      ...(around === undefined ? {} : { around }),
    };
    await copyModules(directory.path, modules);
    const plan = planRun(mesh, run);
    await writeEnvoys(directory.path, plan, () => true);
    identity = await startIdentity(mesh, {
      directory: directory.path,
      home: path.dirname(file),
      onEvent,
    });
    if (read !== undefined) await writeAround(directory.path, read.text);
    await writeProject(plan, run);
    if (around !== undefined) await buildRedirectImage(compose, plan, images.REDIRECT_IMAGE, onProgress);
    onProgress(`Starting containers (Docker ${engine.version}, compose ${engine.composeVersion}) …`);
    await untilHealthy(compose, plan, { onEvent, ...(signal === undefined ? {} : { signal }) });
    return await ContainerMesh.over({
      mesh,
      reader,
      plan,
      run,
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

/** Leaves nothing of a run that has not begun. */
function giveUp(directory: AsyncDisposable): (error: unknown) => Promise<never> {
  return async (error) => {
    await directory[Symbol.asyncDispose]();
    throw error;
  };
}

/** Compose builds that of the rules itself. */
function imagesToPull(mesh: Mesh, { ENVOY_IMAGE, NODE_IMAGE }: MeshImages): readonly string[] {
  const versions = Object.values(mesh.services).flatMap((service) => Object.values(service.versions));
  const usesNode = versions.some((how) => imageOf(how, NODE_IMAGE) === NODE_IMAGE);
  return usesNode ? [ENVOY_IMAGE, NODE_IMAGE] : [ENVOY_IMAGE];
}

/** A project for each run's folder: meshes of the same name may run in two folders. */
function projectName(mesh: string, directory: string): string {
  return `meshwright-${mesh}-${createHash("sha256").update(directory).digest("hex").slice(0, 8)}`;
}
