// An Envoy that is started again when it ends, and then has its filters' newest settings.

import { setTimeout as delay } from "node:timers/promises";
import type { LiveResources } from "../envoy/config/resources.js";
import type { RestSource } from "../envoy/discovery/resources.js";
import type { FilterSource } from "../envoy/discovery/source.js";
import { MeshwrightError } from "../envoy/errors.js";
import type { RunEvent } from "./events.js";
import { failureEvent } from "./failures.js";
import { replaceResources } from "./live-resources.js";
import {
  type EnvoyPlan,
  type FilterPlan,
  type LiveEnvoy,
  type StartOptions,
  startPlannedEnvoy,
} from "./planned-envoy.js";
import { Supervised } from "./supervised.js";

/** What became of a filter's new settings. */
export type Outcome =
  /** They are in force. */
  | { readonly kind: "applied" }
  /** Envoy is not up, and gets them when it is started again. */
  | { readonly kind: "deferred" }
  /** The last good ones stay in force. */
  | { readonly kind: "refused"; readonly reason: string };

export interface SupervisedEnvoyOptions extends StartOptions {
  /** Its name in a sentence: `Envoy gateway`. */
  readonly what: string;
  /** Must not throw. */
  readonly onEvent: (event: RunEvent) => void;
  /** Called before each further start. */
  readonly prepare?: () => Promise<void>;
}

/** An Envoy that has ended may be noticed by its silence before the system tells of its end. */
const END_NOTICED_MS = 1_500;

export class SupervisedEnvoy {
  readonly plan: EnvoyPlan;
  readonly supervised: Supervised<LiveEnvoy>;
  readonly #source: FilterSource;
  readonly #resources: RestSource | undefined;

  private constructor(
    plan: EnvoyPlan,
    supervised: Supervised<LiveEnvoy>,
    source: FilterSource,
    resources: RestSource | undefined,
  ) {
    this.plan = plan;
    this.supervised = supervised;
    this.#source = source;
    this.#resources = resources;
  }

  /** Throws as `startPlannedEnvoy` does. Later starts are repeated until they succeed. */
  static async start(plan: EnvoyPlan, options: SupervisedEnvoyOptions): Promise<SupervisedEnvoy> {
    const { what, prepare = async () => {}, ...start } = options;
    const { signal, onEvent } = start;
    const source = start.discovery.source(plan.bootstrap.node.id);
    const again = async (over: AbortSignal) => {
      await prepare();
      return restart(plan, { ...start, signal: over }, source, (error) => onEvent(failureEvent(error, what)));
    };
    const first = await startPlannedEnvoy(plan, start);
    const how = { what, start: again, onEvent, ...(signal === undefined ? {} : { signal }) };
    const resources = start.resources?.source(plan.bootstrap.node.id);
    return new SupervisedEnvoy(plan, new Supervised(first, how), source, resources);
  }

  /** Throws `MeshwrightError("envoy-failed")` where Envoy is up and does not decide. */
  async apply(filter: FilterPlan): Promise<Outcome> {
    const envoy = this.supervised.running;
    if (envoy === undefined) return this.#defer(filter);
    try {
      const result = await envoy.apply(filter);
      return result.accepted ? { kind: "applied" } : { kind: "refused", reason: result.reason };
    } catch (error) {
      const isOver = envoy.process.exited.then(() => true);
      if (await Promise.race([isOver, delay(END_NOTICED_MS, false)])) return this.#defer(filter);
      throw error;
    }
  }

  /**
   * Gives Envoy other clusters and routes; where it is not up, it gets them when it is started
   * again. Throws `MeshwrightError("envoy-failed")` where Envoy is up and does not decide.
   */
  async change(before: LiveResources, after: LiveResources): Promise<Outcome> {
    const envoy = this.supervised.running;
    if (envoy === undefined || this.#resources === undefined) {
      if (this.#resources !== undefined) replaceResources(this.#resources, after);
      return { kind: "deferred" };
    }
    const result = await envoy.change(before, after);
    return result.accepted ? { kind: "applied" } : { kind: "refused", reason: result.reason };
  }

  #defer(filter: FilterPlan): Outcome {
    this.#source.keep(filter.resource);
    return { kind: "deferred" };
  }
}

/**
 * Starts Envoy with the newest settings. Where it refuses those that came while it was away, it
 * gets the last good ones.
 */
async function restart(
  plan: EnvoyPlan,
  options: StartOptions,
  source: FilterSource,
  onRefused: (error: MeshwrightError) => void,
): Promise<LiveEnvoy> {
  try {
    return await startPlannedEnvoy(plan, options);
  } catch (error) {
    if (!(error instanceof MeshwrightError) || error.code !== "configuration") throw error;
    const returned = plan.filters.filter(({ name }) => source.returnToTaken(name));
    if (returned.length === 0) throw error;
    onRefused(error);
    return startPlannedEnvoy(plan, options);
  }
}
