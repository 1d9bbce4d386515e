// A filter's configuration in a file that a running Envoy watches: writes it in one step, and finds
// out whether Envoy took it.

import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { MeshwrightError } from "../errors.js";
import type { AdminClient } from "./admin.js";
import { newerPart, refusalReason } from "./envoy-log.js";

/**
 * Puts a file in its place by a rename: a reader sees the old content or the new, and Envoy's watch
 * sees one move. Mode 0644.
 * @throws MeshwrightError `write-failed`; the old file stays
 */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  try {
    await writeFile(temporary, content, { mode: 0o644 });
    await rename(temporary, path);
  } catch (error) {
    // Where even that fails, the first failure is the one to report.
    await rm(temporary, { force: true }).catch(() => {});
    const { code, message } = error as NodeJS.ErrnoException;
    throw new MeshwrightError(
      "write-failed",
      `cannot write ${path} (${code ?? message}): make room, or a folder that you may write to, and save again`,
      [],
      { cause: error },
    );
  }
}

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
  /** The file that the filter's `config_discovery` names. */
  readonly path: string;
}

const decisionTimeoutMs = 10_000;
const workersTimeoutMs = 5_000;
const logTimeoutMs = 1_000;
const pollMs = 15;

/**
 * Changes the configuration of one Wasm filter in a running Envoy. It must be the only writer of
 * the file.
 *
 * Envoy compares the hash of what it reads with what it read last, and counts a match as a success
 * even if it had refused that content. Envoy repeats the refusal of content that a module has
 * refused before without asking the module, and does not log the reason again. For both causes,
 * refused content and its reason are remembered here.
 */
export class LiveFilter {
  readonly #options: LiveFilterOptions;
  /** Reasons by refused content. */
  readonly #refused = new Map<string, string>();
  /** The content that Envoy works with, as far as known. */
  #running: string | undefined;
  #fresh = true;
  #queue: Promise<unknown> = Promise.resolve();
  #writes = 0;

  constructor(options: LiveFilterOptions) {
    this.#options = options;
  }

  /**
   * Gives Envoy a discovery response `{resources: [TypedExtensionConfig]}`. Settles when Envoy has
   * decided and, if it accepted, all its workers use the new configuration. Calls run one after the
   * other. After a refusal the file keeps the refused content.
   * @throws MeshwrightError `envoy-failed` when Envoy does not answer, or does not notice the file
   * within 10 s; `write-failed` when the file cannot be written.
   */
  apply(response: object): Promise<ApplyResult> {
    const turn = this.#queue.then(() => this.#apply(response));
    this.#queue = turn.catch(() => {});
    return turn;
  }

  /**
   * Why Envoy refused the file's content when it started; `undefined` where it took it. After a
   * refusal Envoy still says that it is ready, and then answers every request with 500.
   */
  async refusalAtStart(): Promise<string | undefined> {
    const stats = await this.#stats();
    const refusals = (stats.get("update_rejected") ?? 0) + (stats.get("update_failure") ?? 0);
    return refusals === 0 ? undefined : (refusalReason(this.#options.logs()) ?? "its log does not say why");
  }

  async #apply(response: object): Promise<ApplyResult> {
    const content = JSON.stringify(response);
    if (await this.#mayBeWhatEnvoyRefusedLast(content)) {
      // Envoy decides again after it was given other content in between, which it also refuses.
      const logged = this.#options.logs();
      await this.#write(emptied(response), false);
      await this.#reason(logged);
    }
    const logged = this.#options.logs();
    if ((await this.#write(response, content !== this.#running)) === "accepted") {
      this.#running = content;
      this.#refused.delete(content);
      return { accepted: true };
    }
    const reason = this.#refused.get(content) ?? (await this.#reason(logged));
    this.#refused.set(content, reason);
    return { accepted: false, reason };
  }

  async #mayBeWhatEnvoyRefusedLast(content: string): Promise<boolean> {
    if (!this.#fresh) return this.#refused.has(content);
    const refusals = await this.#refusalsOfStart();
    this.#fresh = false;
    if (refusals > 0) return true;
    this.#running = await readFile(this.#options.path, "utf8").catch(() => undefined);
    return false;
  }

  /**
   * How often Envoy has refused what it found at its start. Where Envoy took it, this waits until
   * all workers have it: otherwise a late worker would be counted as one that has the first change.
   */
  async #refusalsOfStart(): Promise<number> {
    const refusals = (now: ReadonlyMap<string, number>) => now.get("update_rejected") ?? 0;
    const settled = await this.#poll(workersTimeoutMs, (now) =>
      refusals(now) > 0 || (now.get("config_reload") ?? 0) > 0 ? now : undefined,
    );
    return refusals(settled ?? (await this.#stats()));
  }

  async #write(response: object, isChange: boolean): Promise<"accepted" | "refused"> {
    const { admin, name, path } = this.#options;
    const before = await this.#stats();
    // Other files of a watched folder make Envoy read this one again. The version shows which
    // content it read.
    this.#writes += 1;
    const version_info = `${new Date().toISOString()}#${this.#writes}`;
    await writeAtomically(path, JSON.stringify({ ...response, version_info }));
    const moved = (now: ReadonlyMap<string, number>, stat: string) => now.get(stat) !== before.get(stat);
    const decided = await this.#poll(decisionTimeoutMs, (now) => {
      // Refusals are checked first, because reading refused content again counts as a success.
      if (moved(now, "update_rejected") || moved(now, "update_failure")) return "refused";
      return moved(now, "version") ? "accepted" : undefined;
    });
    if (decided === undefined) {
      throw new MeshwrightError(
        "envoy-failed",
        `Envoy at ${admin.url} does not notice ${path}; check that filter "${name}" is discovered from this file`,
      );
    }
    // This is counted when the last worker has it. A late worker is not an error: it gets the same
    // configuration.
    if (decided === "accepted" && isChange)
      await this.#poll(workersTimeoutMs, (now) => moved(now, "config_reload") || undefined);
    return decided;
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

  /** The log comes through a pipe and may arrive after the statistics. */
  async #reason(before: string): Promise<string> {
    const deadline = performance.now() + logTimeoutMs;
    while (performance.now() < deadline) {
      const reason = refusalReason(newerPart(before, this.#options.logs()));
      if (reason !== undefined) return reason;
      await delay(pollMs);
    }
    return "Envoy refused the file without a reason; its log level hides warnings";
  }
}

/** The same resources without their settings. No Wasm filter accepts them. */
function emptied(response: object): object {
  const { resources = [] } = response as {
    readonly resources?: readonly { readonly typed_config?: Readonly<Record<string, unknown>> }[];
  };
  return {
    resources: resources.map((resource) => ({
      ...resource,
      typed_config: { "@type": resource.typed_config?.["@type"] },
    })),
  };
}
