// Changes a filter's settings in a running Envoy, and finds out whether Envoy took them.

import { setTimeout as delay } from "node:timers/promises";
import type { ExtensionResource } from "../config/wasm.js";
import { MeshwrightError } from "../errors.js";
import type { AdminClient } from "../runtime/admin.js";
import { newerPart, refusalReason } from "../runtime/envoy-log.js";
import type { FilterSource, Verdict } from "./source.js";

export type ApplyResult =
  | { readonly accepted: true }
  /**
   * The reason is the filter's own sentence, or Envoy's where the filter wrote none. The running
   * configuration stays.
   */
  | { readonly accepted: false; readonly reason: string };

export interface LiveFilterOptions {
  readonly admin: AdminClient;
  /** Returns the log of the same Envoy. */
  readonly logs: () => string;
  /** The filter's name in Envoy's configuration, which its statistics have too. */
  readonly name: string;
  /** The settings of the same Envoy. */
  readonly source: FilterSource;
}

const decisionTimeoutMs = 10_000;
const workersTimeoutMs = 5_000;
const logTimeoutMs = 1_000;
const pollMs = 15;

/**
 * Changes the configuration of one filter in a running Envoy. Nothing else may offer this
 * filter's settings to it.
 *
 * Envoy compares the hash of what it gets with what it got last, and takes a match even if it had
 * refused that content. Envoy repeats the refusal of content that a module has refused before
 * without asking the module, and does not log the reason again. For both causes, refused content
 * and its reason are remembered here.
 */
export class LiveFilter {
  readonly #options: LiveFilterOptions;
  /** Reasons by refused content. */
  readonly #refused = new Map<string, string>();
  /** What Envoy works with, as far as known. */
  #running: ExtensionResource | undefined;
  #fresh = true;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: LiveFilterOptions) {
    this.#options = options;
    this.#running = options.source.current(options.name);
  }

  /**
   * Gives Envoy other settings. Settles when Envoy has decided and, if it accepted, all its workers
   * use the new configuration. Calls run one after the other. An Envoy that is started again gets
   * what was accepted last.
   * @throws MeshwrightError `envoy-failed` when Envoy is gone, or does not decide within 10 s
   */
  apply(resource: ExtensionResource): Promise<ApplyResult> {
    const turn = this.#queue.then(() => this.#apply(resource));
    this.#queue = turn.catch(() => {});
    return turn;
  }

  /**
   * Why Envoy refused the settings with which it was started; `undefined` where it took them. After
   * a refusal Envoy still says that it is ready, and then answers every request with 500.
   */
  async refusalAtStart(): Promise<string | undefined> {
    const stats = await this.#stats();
    // A failed update is a lost connection to the discovery server, and Envoy connects again.
    return (stats.get("update_rejected") ?? 0) === 0
      ? undefined
      : (refusalReason(this.#options.logs()) ?? "its log does not say why");
  }

  async #apply(resource: ExtensionResource): Promise<ApplyResult> {
    const content = JSON.stringify(resource);
    if (await this.#mayBeWhatEnvoyRefusedLast(content)) {
      // Envoy decides again after it was given other content in between: what it works with, or
      // else what it also refuses.
      const logged = this.#options.logs();
      const running = this.#running;
      const other = running ?? emptied(resource);
      if (!(await this.#offer(other, running !== undefined)).taken) await this.#reason(logged, "");
    }
    const logged = this.#options.logs();
    const verdict = await this.#offer(resource, content !== JSON.stringify(this.#running));
    if (verdict.taken) {
      this.#running = resource;
      this.#refused.delete(content);
      return { accepted: true };
    }
    const reason = this.#refused.get(content) ?? (await this.#reason(logged, verdict.reason));
    this.#refused.set(content, reason);
    return { accepted: false, reason };
  }

  async #mayBeWhatEnvoyRefusedLast(content: string): Promise<boolean> {
    if (!this.#fresh) return this.#refused.has(content);
    const refusals = await this.#refusalsOfStart();
    this.#fresh = false;
    if (refusals > 0) this.#running = undefined;
    return refusals > 0;
  }

  /**
   * How often Envoy has refused what it got at its start. Where Envoy took it, this waits until
   * all workers have it: otherwise a late worker would be counted as one that has the first change.
   */
  async #refusalsOfStart(): Promise<number> {
    const refusals = (now: ReadonlyMap<string, number>) => now.get("update_rejected") ?? 0;
    const settled = await this.#poll(workersTimeoutMs, (now) =>
      refusals(now) > 0 || (now.get("config_reload") ?? 0) > 0 ? now : undefined,
    );
    return refusals(settled ?? (await this.#stats()));
  }

  async #offer(resource: ExtensionResource, isChange: boolean): Promise<Verdict> {
    const { admin, source } = this.#options;
    const before = await this.#stats();
    const verdict = await within(source.offer(resource), decisionTimeoutMs);
    if (verdict === undefined) {
      throw new MeshwrightError("envoy-failed", `Envoy at ${admin.url} is gone, or does not decide`);
    }
    // This is counted when the last worker has it. A late worker is not an error: it gets the same
    // configuration.
    if (verdict.taken && isChange) {
      const reloads = (before.get("config_reload") ?? 0) + verdict.streams;
      await this.#poll(workersTimeoutMs, (now) => (now.get("config_reload") ?? 0) >= reloads || undefined);
    }
    return verdict;
  }

  /** Calls `look` until it returns something; `undefined` when the time is over. */
  async #poll<T>(timeoutMs: number, look: (now: ReadonlyMap<string, number>) => T | undefined) {
    const deadline = performance.now() + timeoutMs;
    while (performance.now() < deadline) {
      const seen = look(await this.#stats());
      if (seen !== undefined) return seen;
      await delay(pollMs);
    }
    return undefined;
  }

  /**
   * This filter's discovery statistics by the last part of their names. All values are from one
   * moment, because Envoy's main thread writes the answer.
   */
  async #stats(): Promise<ReadonlyMap<string, number>> {
    const prefix = `http_filter.${this.#options.name}.`;
    const escaped = prefix.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const found = await this.#options.admin.stats(`^extension_config_discovery\\.(upstream_)?${escaped}`);
    return new Map([...found].map(([stat, value]) => [stat.slice(stat.lastIndexOf(".") + 1), value]));
  }

  /** The log comes through a pipe and may arrive after the verdict. */
  async #reason(before: string, sentence: string): Promise<string> {
    const deadline = performance.now() + logTimeoutMs;
    while (performance.now() < deadline) {
      const reason = refusalReason(newerPart(before, this.#options.logs()));
      if (reason !== undefined) return reason;
      await delay(pollMs);
    }
    // The log's level may hide warnings.
    return sentence;
  }
}

/** What `work` settles with; undefined where it takes longer. */
async function within<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  const over = new AbortController();
  const late = delay(ms, undefined, { signal: over.signal }).catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}

/** The same resource without its settings. No Wasm filter accepts it. */
function emptied(resource: ExtensionResource): ExtensionResource {
  return { ...resource, typed_config: { "@type": resource.typed_config["@type"] } };
}
