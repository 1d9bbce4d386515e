// A filter's configuration in a file that a running Envoy watches: write it in one step, and learn
// what Envoy made of it.

import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { MeshwrightError } from "../errors.js";
import type { AdminClient } from "./admin.js";
import { newerPart, refusalReason } from "./envoy-log.js";

/**
 * Puts a file in place by a rename: a reader sees the old content or the new, and Envoy's watch
 * sees one move. Mode 0644.
 * @throws MeshwrightError `write-failed`; what stood there stays
 */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  try {
    await writeFile(temporary, content, { mode: 0o644 });
    await rename(temporary, path);
  } catch (error) {
    // Where even that fails, the first failure is the one to tell.
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
   * The reason is the filter's own sentence when it wrote one, else Envoy's. The running
   * configuration stays.
   */
  | { readonly accepted: false; readonly reason: string };

export interface LiveFilterOptions {
  readonly admin: AdminClient;
  /** The log of the same Envoy. */
  readonly logs: () => string;
  /** The filter's name in Envoy's configuration, under which its statistics stand. */
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
 * its file.
 *
 * Envoy compares the hash of what it reads with what it read last, and counts a match as a success
 * even if it had refused that content. And for content that a module has refused once, it repeats
 * the refusal without asking the module, so that the reason is not logged again. Hence the memory
 * of what was refused.
 */
export class LiveFilter {
  readonly #options: LiveFilterOptions;
  /** Reasons by refused content. */
  readonly #refused = new Map<string, string>();
  /** What Envoy works with, as far as known. */
  #running: string | undefined;
  #fresh = true;
  #queue: Promise<unknown> = Promise.resolve();
  #writes = 0;

  constructor(options: LiveFilterOptions) {
    this.#options = options;
  }

  /**
   * Hands Envoy a discovery response `{resources: [TypedExtensionConfig]}` and settles when Envoy
   * has decided and, if it accepted, all its workers have taken it up. Calls run one after the
   * other. On refusal the file keeps the refused content.
   * @throws MeshwrightError `envoy-failed` when Envoy does not answer, or takes no notice of the
   * file within 10 s; `write-failed` when the file cannot be written.
   */
  apply(response: object): Promise<ApplyResult> {
    const turn = this.#queue.then(() => this.#apply(response));
    this.#queue = turn.catch(() => {});
    return turn;
  }

  /**
   * Why Envoy refused what stood in the file when it started; `undefined` where it took it. Envoy
   * says that it is ready all the same, and then answers every request with 500.
   */
  async refusalAtStart(): Promise<string | undefined> {
    const stats = await this.#stats();
    const refusals = (stats.get("update_rejected") ?? 0) + (stats.get("update_failure") ?? 0);
    return refusals === 0 ? undefined : (refusalReason(this.#options.logs()) ?? "its log does not say why");
  }

  async #apply(response: object): Promise<ApplyResult> {
    const content = JSON.stringify(response);
    if (await this.#mayBeWhatEnvoyRefusedLast(content)) {
      // Given something else in between, which it refuses as well, Envoy decides anew.
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
   * How often Envoy has refused what it found at its start. Where it took it, all workers have it
   * by then: a worker that is late would be taken for one that has the first change.
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
    // Other files of a watched folder make Envoy read this one again; the version tells which
    // content it read.
    this.#writes += 1;
    const version_info = `${new Date().toISOString()}#${this.#writes}`;
    await writeAtomically(path, JSON.stringify({ ...response, version_info }));
    const moved = (now: ReadonlyMap<string, number>, stat: string) => now.get(stat) !== before.get(stat);
    const decided = await this.#poll(decisionTimeoutMs, (now) => {
      // First, since reading refused content again counts as a success.
      if (moved(now, "update_rejected") || moved(now, "update_failure")) return "refused";
      return moved(now, "version") ? "accepted" : undefined;
    });
    if (decided === undefined) {
      throw new MeshwrightError(
        "envoy-failed",
        `Envoy at ${admin.url} takes no notice of ${path}; check that filter "${name}" is discovered from this file`,
      );
    }
    // Counted when the last worker has it. A late one is no error: it comes to the same
    // configuration.
    if (decided === "accepted" && isChange)
      await this.#poll(workersTimeoutMs, (now) => moved(now, "config_reload") || undefined);
    return decided;
  }

  /** Looks until `look` sees something; `undefined` when time is over. */
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
   * This filter's discovery statistics by their last part. One answer is of one moment: Envoy's
   * main thread makes it.
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
    return "Envoy refused the file without a word; its log level hides warnings";
  }
}

/** The same resources without their settings, which no Wasm filter accepts. */
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
