// A running mesh: reads its counts, applies edits of its file, and ends it.

import path from "node:path";
import { type LiveResources, liveResources } from "../../envoy/config/resources.js";
import type { MeshwrightError } from "../../envoy/errors.js";
import type { EnvoyBinary } from "../../envoy/runtime/find.js";
import type { RunEvent } from "../events.js";
import { failureEvent } from "../failures.js";
import type { FilterUse } from "../filter-use.js";
import { grpcServiceProblems } from "../grpc-services.js";
import { httpServiceProblems } from "../http-services.js";
import type { FilterPlan, LiveEnvoy } from "../planned-envoy.js";
import { changedRestartKeys } from "../restart-keys.js";
import { authorityFile, type RunDirectory } from "../run-directory.js";
import type { Running, Supervised } from "../supervised.js";
import type { Outcome, SupervisedEnvoy } from "../supervised-envoy.js";
import type { UpMesh } from "../up-mesh.js";
import { watchContent } from "../watch.js";
import type { MeshPlanOptions } from "./addresses.js";
import { structuralChanges } from "./change.js";
import { needsContainers } from "./compose-checks.js";
import { FigureBook, type VersionFigures } from "./figures.js";
import { refuseMesh } from "./file.js";
import { type ClientDoor, clientDoor } from "./gateway-tls.js";
import { identityLines } from "./identity-summary.js";
import { withLiveChanges } from "./live-change.js";
import type { MeshReader } from "./mesh-reader.js";
import { type MeshPlan, type PlacedFilter, planFilters, planMesh } from "./plan.js";
import type { Mesh } from "./shape.js";
import { addressLines, firstSidecarUrl } from "./summary.js";
import { Turns } from "./turns.js";

/** A part of the mesh that was started for it. */
export type MeshPart =
  | { readonly kind: "service"; readonly supervised: Supervised<Running> }
  | { readonly kind: "envoy"; readonly supervised: Supervised<LiveEnvoy>; readonly envoy: SupervisedEnvoy };

interface RunningMeshOptions {
  readonly mesh: Mesh;
  readonly file: string;
  readonly reader: MeshReader;
  readonly plan: MeshPlan;
  readonly planOptions: MeshPlanOptions;
  readonly parts: readonly MeshPart[];
  readonly binary: EnvoyBinary;
  /** What gives the Envoys their settings and secrets. */
  readonly discovery: AsyncDisposable;
  /** What gives the Envoys their clusters and routes. */
  readonly resources: AsyncDisposable;
  readonly directory: RunDirectory;
  /** Must not throw. */
  readonly onEvent: (event: RunEvent) => void;
}

const APPLIED_AT_ONCE = 16;

/**
 * Made by `startMesh`. Disposing of it ends every process of the mesh and removes the run's folder.
 */
export class RunningMesh implements UpMesh {
  readonly mesh: Mesh;
  readonly plan: MeshPlan;
  readonly binary: EnvoyBinary;
  /** The run's folder, absolute. */
  readonly directory: string;
  readonly edits =
    "Edits of the mesh file are applied at once: filters' settings, routes, timeouts, retries and other traffic policy.";
  /** Processes of this machine go on without anything that could fail as a whole. */
  readonly failed = new Promise<MeshwrightError>(() => {});
  readonly #options: RunningMeshOptions;
  /** The settings that each filter last got, by its place. */
  readonly #given = new Map<string, FilterPlan>();
  /** To ask hundreds of filters at once takes longer than any of them may take. */
  readonly #turns = new Turns(APPLIED_AT_ONCE);
  readonly #figures = new FigureBook();
  /** By their names. */
  readonly #envoys: ReadonlyMap<string, SupervisedEnvoy>;
  /** What runs now: the started mesh with the edits that were applied since. */
  #now: { readonly mesh: Mesh; readonly plan: MeshPlan };
  #watch: Disposable | undefined;
  #end: Promise<void> | undefined;

  private constructor(options: RunningMeshOptions) {
    this.mesh = options.mesh;
    this.plan = options.plan;
    this.binary = options.binary;
    this.directory = options.directory.path;
    this.#options = options;
    this.#now = { mesh: options.mesh, plan: options.plan };
    const envoys = options.parts.flatMap((part) => (part.kind === "envoy" ? [part.envoy] : []));
    this.#envoys = new Map(envoys.map((envoy) => [envoy.plan.name, envoy]));
    for (const placed of planFilters(options.mesh, options.planOptions)) this.#remember(placed);
  }

  /** Takes over the processes of a started mesh, and watches the mesh file from now on. */
  static async over(options: RunningMeshOptions): Promise<RunningMesh> {
    const mesh = new RunningMesh(options);
    mesh.#watch = await watchContent(options.file, () => mesh.#takeFile());
    return mesh;
  }

  get gatewayUrl(): string {
    return this.plan.gatewayUrl;
  }

  get statsUrl(): string {
    return `http://127.0.0.1:${this.plan.envoys[0]?.bootstrap.admin.address.socket_address.port_value}`;
  }

  get runsOn(): string {
    return `Envoy ${this.binary.version}`;
  }

  get addresses(): readonly string[] {
    return addressLines(this.plan);
  }

  get door(): ClientDoor | undefined {
    return clientDoor(this.mesh, authorityFile(this.directory));
  }

  get identityLines(): readonly string[] {
    return identityLines(this.mesh, firstSidecarUrl(this.plan));
  }

  get files(): readonly (readonly [what: string, where: string])[] {
    return [
      ["Logs:", this.directory],
      ["Envoy:", this.binary.path],
    ];
  }

  /** The Envoys that are up, the gateway's first. */
  get envoys(): readonly LiveEnvoy[] {
    return [...this.#envoys.values()].flatMap(({ supervised }) => supervised.running ?? []);
  }

  /** What can be started again: `Envoy gateway`, `service orders_v1`. */
  get partNames(): readonly string[] {
    return this.#options.parts.map(({ supervised }) => supervised.what);
  }

  /** Starts a part again at once, whether it is up or not. @param name one of `partNames` */
  async restart(name: string): Promise<void> {
    await this.#options.parts.find(({ supervised }) => supervised.what === name)?.supervised.restart();
  }

  /**
   * The requests to each version since the start. What an Envoy counted between the last call and
   * its end is lost.
   */
  figures(): Promise<readonly VersionFigures[]> {
    return this.#figures.read(
      this.mesh,
      this.envoys.map(({ plan, process }) => [plan.name, process.admin] as const),
    );
  }

  /** Ends every process within about 3 s, and removes the run's folder. May be called again. */
  stop(): Promise<void> {
    this.#end ??= this.#stop();
    return this.#end;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    this.#watch?.[Symbol.dispose]();
    await Promise.all(this.#options.parts.map(({ supervised }) => supervised.stop()));
    await this.#options.discovery[Symbol.asyncDispose]();
    await this.#options.resources[Symbol.asyncDispose]();
    await this.#options.directory[Symbol.asyncDispose]();
  }

  /** When the Envoys are stopped, a change under way fails. This is not reported. */
  #tellFailure(error: unknown, what: string): void {
    if (this.#end === undefined) this.#options.onEvent(failureEvent(error, what));
  }

  /** Never rejects: a failure is reported, and the next edit is applied. */
  async #takeFile(): Promise<void> {
    const { file, reader, planOptions, onEvent } = this.#options;
    try {
      const { value: edited, placeOf } = await reader.read();
      refuseMesh(needsContainers(edited), placeOf);
      const running = withLiveChanges(this.#now.mesh, edited);
      const structural = structuralChanges(running, edited);
      if (structural.length > 0) onEvent({ kind: "restart-needed", paths: structural });
      await this.#changeResources(running);
      await this.#applyChanged(planFilters(edited, planOptions));
    } catch (error) {
      this.#tellFailure(error, file);
    }
  }

  /**
   * Gives every Envoy the clusters and routes of a mesh with the same parts. Where one refuses, all
   * get back what they had: half a change would be a mesh that nobody wrote.
   */
  async #changeResources(mesh: Mesh): Promise<void> {
    const { file, planOptions, onEvent } = this.#options;
    const before = this.#now;
    const after = { mesh, plan: planMesh(mesh, planOptions) };
    const changed = changedResources(before.plan, after.plan);
    if (changed.length === 0) return;
    const outcomes = await Promise.all(
      changed.map((each) => this.#turns.take(() => this.#change(each.envoy, each.before, each.after))),
    );
    const filter = path.basename(file);
    const refused = outcomes.findIndex((outcome) => outcome?.kind === "refused");
    const outcome = outcomes[refused];
    if (outcome?.kind !== "refused") {
      this.#now = after;
      const placesOf = (kind: Outcome["kind"]) =>
        changed.filter((_, i) => outcomes[i]?.kind === kind).map(({ envoy }) => envoy);
      for (const kind of ["applied", "deferred"] as const) {
        const places = placesOf(kind);
        if (places.length > 0) onEvent({ kind, filter, places });
      }
      return;
    }
    await Promise.all(
      changed.map((each) => this.#turns.take(() => this.#change(each.envoy, each.after, each.before))),
    );
    onEvent({ ...outcome, filter, places: changed.slice(refused, refused + 1).map(({ envoy }) => envoy) });
  }

  /** Returns the outcome, or undefined where it was already reported. */
  async #change(envoy: string, before: LiveResources, after: LiveResources): Promise<Outcome | undefined> {
    try {
      return await this.#envoys.get(envoy)?.change(before, after);
    } catch (error) {
      this.#tellFailure(error, `clusters and routes of Envoy ${envoy}`);
      return undefined;
    }
  }

  /**
   * Gives new settings to every filter that is in both the running mesh and the edited file, and
   * reports equal outcomes once. A filter whose Envoy is gone does not stop the others. A filter
   * stays as it is where a changed key needs a restart, or where it calls a service that is new in
   * the file: its settings would not fit the running Envoys.
   */
  async #applyChanged(placed: readonly PlacedFilter[]): Promise<void> {
    const changed = placed.filter((each) => {
      const before = this.#given.get(place(each));
      if (before === undefined || changedRestartKeys(before, each.filter).length > 0) return false;
      if (callsNewService(this.mesh, each.filter)) return false;
      return JSON.stringify(before.config) !== JSON.stringify(each.filter.config);
    });
    const outcomes = await Promise.all(changed.map((each) => this.#turns.take(() => this.#apply(each))));
    const events = new Map<string, { outcome: Outcome; filter: string; places: string[] }>();
    for (const [i, outcome] of outcomes.entries()) {
      const each = changed[i];
      if (each === undefined || outcome === undefined) continue;
      const { filter } = each.filter;
      const key = JSON.stringify([filter, outcome]);
      const event = events.get(key) ?? { outcome, filter, places: [] };
      event.places.push(place(each));
      events.set(key, event);
    }
    for (const { outcome, filter, places } of events.values()) {
      this.#options.onEvent({ ...outcome, filter, places });
    }
  }

  /** Returns the outcome, or undefined where it was already reported. */
  async #apply(each: PlacedFilter): Promise<Outcome | undefined> {
    try {
      const outcome = await this.#envoys.get(each.envoy)?.apply(each.filter);
      // Refused settings are kept too: the same settings would be refused again.
      this.#remember(each);
      return outcome;
    } catch (error) {
      this.#tellFailure(error, `${each.filter.filter} at ${place(each)}`);
      return undefined;
    }
  }

  #remember(placed: PlacedFilter): void {
    this.#given.set(place(placed), placed.filter);
  }
}

/** The Envoys whose clusters or routes differ. */
function changedResources(before: MeshPlan, after: MeshPlan) {
  const old = new Map(before.envoys.map(({ name, bootstrap }) => [name, liveResources(bootstrap)]));
  return after.envoys.flatMap(({ name, bootstrap }) => {
    const [was, is] = [old.get(name), liveResources(bootstrap)];
    if (was === undefined || JSON.stringify(was) === JSON.stringify(is)) return [];
    return [{ envoy: name, before: was, after: is }];
  });
}

/** Whether it would call a service for which the running Envoys have no cluster. */
function callsNewService({ grpcServices = {}, httpServices = {} }: Mesh, use: FilterUse): boolean {
  const problems = [
    ...grpcServiceProblems(use, Object.keys(grpcServices), () => ""),
    ...httpServiceProblems(use, Object.keys(httpServices), () => ""),
  ];
  return problems.length > 0;
}

function place({ envoy, filter }: PlacedFilter): string {
  return `${envoy}/${filter.name}`;
}
