// A filter of the proxy on one worker: the root context that serves now, and what happens to
// requests when its VM has ended.

import type { FailurePolicy } from "../../envoy/config/wasm.js";
import type { Host } from "./host.js";
import { RootContext } from "./root-context.js";
import type { Seeded } from "./seeded.js";
import type { VmSource, Worker } from "./worker.js";

export interface PluginSource {
  readonly name: string;
  readonly rootId: string;
  readonly vm: VmSource;
  readonly failurePolicy: FailurePolicy;
  readonly allowOnHeadersStopIteration: boolean;
}

/**
 * The least time between two starts of a VM, whenever it ended, as the toolkit configures it. Envoy
 * waits up to half as long again.
 */
const RELOAD_BACKOFF_MS = 100;
const RELOAD_JITTER_MS = 50;

export class Plugin {
  private root: RootContext | undefined;
  private configuration: Buffer = Buffer.alloc(0);
  private loadedAtMs = 0;

  constructor(
    readonly source: PluginSource,
    private readonly worker: Worker,
    private readonly host: Host,
    private readonly random: Seeded,
  ) {}

  /**
   * Serves new streams with this configuration, which was accepted before. The root context that
   * served until now ends with its last stream.
   */
  configure(configuration: Buffer): void {
    const before = this.root;
    this.configuration = configuration;
    this.start();
    before?.retire();
  }

  private start(): void {
    const { source, worker } = this;
    this.loadedAtMs = this.host.clock.elapsedMs;
    const root = new RootContext(
      worker.vmOf(source.vm),
      source.name,
      source.rootId,
      source.allowOnHeadersStopIteration,
    );
    const accepted = root.start(this.configuration);
    if (!accepted && !root.vm.hasEnded) root.discard();
    // When the start fails, the VM that has ended stays in place, and requests fail with it.
    if (accepted || this.root === undefined) this.root = root;
  }

  /** The root context for a new stream, alive or not; undefined when the filter is left out. */
  forStream(): RootContext | undefined {
    const { root, source } = this;
    if (root === undefined || !root.vm.hasEnded) return root;
    if (source.failurePolicy === "FAIL_RELOAD" && this.isDue()) this.start();
    return this.root?.vm.hasEnded && source.failurePolicy === "FAIL_OPEN" ? undefined : this.root;
  }

  private isDue(): boolean {
    const waited = this.host.clock.elapsedMs - this.loadedAtMs;
    return waited >= RELOAD_BACKOFF_MS + this.random.below(RELOAD_JITTER_MS);
  }
}
