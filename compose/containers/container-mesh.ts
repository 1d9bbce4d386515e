// A mesh that runs in containers: reads its counts, applies edits of its file, and ends it.

import path from "node:path";
import type { MeshwrightError } from "../../envoy/errors.js";
import { AdminClient } from "../../envoy/runtime/admin.js";
import type { RunEvent } from "../events.js";
import { failureEvent } from "../failures.js";
import type { MeshIdentity } from "../identity/mesh-identity.js";
import { reachableAt } from "../listener-options.js";
import { structuralChanges } from "../mesh/change.js";
import { FigureBook, type VersionFigures } from "../mesh/figures.js";
import { refuseMesh } from "../mesh/file.js";
import { type ClientDoor, clientDoor } from "../mesh/gateway-tls.js";
import { identityLines } from "../mesh/identity-summary.js";
import type { MeshReader } from "../mesh/mesh-reader.js";
import { buildMeshModules } from "../mesh/prepare.js";
import type { Mesh } from "../mesh/shape.js";
import { serviceAddressLines } from "../mesh/summary.js";
import { meshEnvoys } from "../mesh/topology.js";
import { authorityFile, type RunDirectory } from "../run-directory.js";
import type { UpMesh } from "../up-mesh.js";
import { upstreamUrl } from "../upstream-url.js";
import { watchContent } from "../watch.js";
import { type Applied, applyToEnvoys, changedEnvoys } from "./apply.js";
import type { ComposeCli } from "./compose-cli.js";
import { composeFailure } from "./compose-failure.js";
import { ContainerLogs, LOG_FILE } from "./container-logs.js";
import type { ComposeEngine } from "./engine.js";
import { KeepRunning } from "./keep-running.js";
import { envoyService } from "./part-names.js";
import { partsOf, podsOf } from "./parts.js";
import { type ContainerPlan, planRun, type RunOptions } from "./plan.js";
import { copyModules, removeEnvoys, writeEnvoys, writeProject } from "./run-files.js";
import { containerProblems } from "./runnable.js";
import { statusPath } from "./status.js";
import { untilHealthy } from "./until-healthy.js";

export interface ContainerMeshOptions {
  readonly mesh: Mesh;
  readonly reader: MeshReader;
  readonly plan: ContainerPlan;
  readonly run: RunOptions;
  readonly compose: ComposeCli;
  readonly directory: RunDirectory;
  readonly guard: { release(): void };
  readonly engine: ComposeEngine;
  /** Absent where everything is plain. */
  readonly identity: MeshIdentity | undefined;
  /** Must not throw. */
  readonly onEvent: (event: RunEvent) => void;
}

/** Keys that are fixed when a mesh starts: its folder, its door, and how its Envoys speak. */
const FIXED = /^(name|compose.*|gateway\.(port|address)|identity\b.*)$/;

/** Made by `startContainers`. */
export class ContainerMesh implements UpMesh {
  readonly mesh: Mesh;
  readonly gatewayUrl: string;
  readonly statsUrl: string;
  readonly edits =
    "Edits of the mesh file are applied at once: settings, routes, timeouts, retries, services and versions.";
  readonly #options: ContainerMeshOptions;
  readonly #logs: ContainerLogs;
  readonly #keep: KeepRunning;
  readonly #figures = new FigureBook();
  #now: { readonly mesh: Mesh; readonly plan: ContainerPlan };
  #watch: Disposable | undefined;
  #end: Promise<void> | undefined;

  private constructor(options: ContainerMeshOptions) {
    const { mesh, plan, run, compose, onEvent } = options;
    const { settings } = run;
    this.#options = options;
    this.mesh = mesh;
    this.#now = { mesh, plan };
    this.gatewayUrl = upstreamUrl({
      address: reachableAt(settings.gatewayAddress),
      port: settings.gatewayPort,
      ...(mesh.gateway.tls === undefined ? {} : { tls: true as const }),
    });
    this.statsUrl = `http://127.0.0.1:${settings.statusPort}`;
    this.#logs = new ContainerLogs(compose, () => this.#now.plan, onEvent);
    this.#keep = new KeepRunning({ compose, logs: this.#logs, onEvent });
    this.#keepParts();
  }

  /** Takes over the containers of a started mesh, and watches the mesh file from now on. */
  static async over(options: ContainerMeshOptions): Promise<ContainerMesh> {
    const mesh = new ContainerMesh(options);
    mesh.#watch = await watchContent(options.run.file, () => mesh.#takeFile());
    return mesh;
  }

  get runsOn(): string {
    const { engine, run } = this.#options;
    return `${run.settings.images.ENVOY_IMAGE} in containers (Docker ${engine.version})`;
  }

  get addresses(): readonly string[] {
    const { mesh } = this.#now.plan;
    return [
      `gateway  ${this.gatewayUrl}`,
      "statistics",
      ...mesh.envoys.map(({ name }) => `  ${name}  ${this.statsUrl}${statusPath(name)}/stats`),
      ...serviceAddressLines(mesh),
    ];
  }

  get door(): ClientDoor | undefined {
    return clientDoor(this.mesh, authorityFile(this.#options.directory.path));
  }

  get identityLines(): readonly string[] {
    return identityLines(this.#now.mesh);
  }

  get files(): readonly (readonly [what: string, where: string])[] {
    return [
      ["Logs:", path.join(this.#options.directory.path, LOG_FILE)],
      ["Project:", this.#options.compose.project],
    ];
  }

  get failed(): Promise<MeshwrightError> {
    return this.#keep.failed;
  }

  get partNames(): readonly string[] {
    return this.#keep.partNames;
  }

  restart(name: string): Promise<void> {
    return this.#keep.restart(name);
  }

  figures(): Promise<readonly VersionFigures[]> {
    const admins = this.#now.plan.mesh.envoys.map(
      ({ name }) => [name, new AdminClient(`${this.statsUrl}${statusPath(name)}`)] as const,
    );
    return this.#figures.read(this.#now.mesh, admins);
  }

  /**
   * Removes every container and network, and the run's folder. May be called again. Rejects where
   * the engine does not remove them.
   */
  stop(): Promise<void> {
    this.#end ??= this.#stop();
    return this.#end;
  }

  /** Never rejects, so that it hides no other error: who wants to know of its own calls `stop`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop().catch(() => {});
  }

  async #stop(): Promise<void> {
    const { compose, directory, guard } = this.#options;
    this.#watch?.[Symbol.dispose]();
    this.#options.identity?.[Symbol.dispose]();
    await this.#keep.stop();
    await this.#logs.stop();
    const removed = await compose.down();
    guard.release();
    await directory[Symbol.asyncDispose]();
    if (removed.outcome === "failed") throw composeFailure(removed.output, compose.project);
  }

  #keepParts(): void {
    this.#keep.keep([...partsOf(this.#now.plan), ...podsOf(this.#now.plan)]);
  }

  /** Never rejects: a failure is reported, and the next edit is applied. */
  async #takeFile(): Promise<void> {
    const { run, reader, onEvent } = this.#options;
    const { around } = run;
    try {
      const { value: edited, placeOf } = await reader.read();
      refuseMesh(containerProblems(edited, around), placeOf);
      const fixed = structuralChanges(this.mesh, edited).filter((each) => FIXED.test(each));
      if (fixed.length > 0) onEvent({ kind: "restart-needed", paths: fixed });
      const { name, gateway, identity } = this.mesh;
      const { port, address } = gateway;
      await this.#apply({
        ...edited,
        ...{ name, identity, compose: this.mesh.compose },
        gateway: { ...edited.gateway, port, address },
      });
    } catch (error) {
      if (this.#end === undefined) onEvent(failureEvent(error, run.file));
    }
  }

  async #apply(edited: Mesh): Promise<void> {
    const { compose, directory, run, onEvent } = this.#options;
    const before = this.#now;
    await copyModules(directory.path, await buildMeshModules(edited, { onEvent }));
    const after = { mesh: edited, plan: planRun(edited, run) };
    const isOtherProject = after.plan.composeFile !== before.plan.composeFile;
    if (!isOtherProject && changedEnvoys(before.plan, after.plan).length === 0) return;
    await this.#options.identity?.become(edited, meshEnvoys(edited));
    const known = new Set(before.plan.mesh.envoys.map(({ name }) => name));
    if (isOtherProject) {
      await writeEnvoys(directory.path, after.plan, (envoy) => !known.has(envoy));
      await this.#change(before.plan, after.plan);
    }
    const applied = await applyToEnvoys(before.plan, after.plan, {
      directory: directory.path,
      statusUrl: this.statsUrl,
      logsOf: (envoy) => this.#logs.of(envoyService(envoy, after.plan.names)),
    });
    if (applied.outcome === "applied") this.#now = after;
    else if (isOtherProject) await writeProject(before.plan, run);
    if (isOtherProject) {
      this.#keepParts();
      // What no route leads to any more, or what was started for a change that was refused.
      await compose.run(["up", "--detach", "--no-recreate", "--remove-orphans"]);
      const left = new Set(this.#now.plan.mesh.envoys.map(({ name }) => name));
      const both = [...known, ...after.plan.mesh.envoys.map(({ name }) => name)];
      await removeEnvoys(
        directory.path,
        both.filter((envoy) => !left.has(envoy)),
      );
    }
    this.#tell(applied, run.file);
  }

  /** Starts what is new, beside what runs. Where it does not come up, it is removed again. */
  async #change(before: ContainerPlan, after: ContainerPlan): Promise<void> {
    const { compose, run, onEvent } = this.#options;
    await writeProject(after, run);
    try {
      await untilHealthy(compose, after, { onEvent });
    } catch (error) {
      await writeProject(before, run);
      await compose.run(["up", "--detach", "--remove-orphans"]);
      throw error;
    }
  }

  #tell(applied: Applied, file: string): void {
    const { onEvent } = this.#options;
    const filter = path.basename(file);
    if (applied.outcome === "applied") {
      onEvent({ kind: "applied", filter, places: applied.envoys });
    } else {
      onEvent({ kind: "refused", filter, places: [applied.envoy], reason: applied.reason });
    }
  }
}
