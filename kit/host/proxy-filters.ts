// The filters of a proxy on all its workers: how they start, how they are tried out first, and how
// they take another configuration.

import type { Json } from "../../envoy/config/json.js";
import { modulePath } from "../../toolchain/compile/build.js";
import { compiledModule } from "./compiled.js";
import { configurationBytes } from "./configuration.js";
import { type Host, settingsOf } from "./host.js";
import { Plugin, type PluginSource } from "./plugin.js";
import { type HostedFilter, type ProxyOptions, refused } from "./proxy-options.js";
import { RootContext } from "./root-context.js";
import type { Seeded } from "./seeded.js";
import type { Upstreams } from "./upstream-side.js";
import { Worker } from "./worker.js";

/** A trap of a filter's module. */
export interface HostedTrap {
  readonly filter: string;
  /** Such as `proxy_on_request_headers`. */
  readonly callback: string;
  /** From 0; -1 is the main thread. */
  readonly worker: number;
  readonly error: Error;
  /** What was broken, and the source lines that led there. */
  readonly message: string;
}

/** Whether a configuration serves now, or why it does not. */
export interface ConfigureResult {
  readonly accepted: boolean;
  readonly reason?: string;
}

interface ProxyFilter {
  readonly source: PluginSource;
  readonly main: Plugin;
  /** One for each worker. */
  readonly plugins: readonly Plugin[];
}

/** The surroundings of the filters. */
export interface FilterSurroundings {
  readonly host: Host;
  readonly random: Seeded;
  readonly upstreams: Upstreams;
  readonly bufferLimit: number;
}

const MAIN_THREAD = -1;
const ERROR = 4;

export class ProxyFilters {
  readonly traps: HostedTrap[] = [];
  readonly workers: readonly Worker[];

  private readonly main: Worker;
  private readonly downstream: readonly ProxyFilter[];
  private readonly upstream: readonly ProxyFilter[];
  private readonly logLevel: number;

  /**
   * @throws MeshwrightError `configuration` when a filter refuses its configuration, `build` when a
   * module does not exist
   */
  constructor(
    { workers = 2, filters = [], upstreamFilters = [], logLevel = 2 }: ProxyOptions,
    private readonly around: FilterSurroundings,
  ) {
    this.logLevel = logLevel;
    this.main = this.worker(MAIN_THREAD);
    this.workers = Array.from({ length: workers }, (_, i) => this.worker(i));
    this.upstream = upstreamFilters.map((filter) => this.start(filter));
    this.downstream = filters.map((filter) => this.start(filter));
    this.startWorkers([...upstreamFilters, ...filters]);
  }

  private get all(): readonly ProxyFilter[] {
    return [...this.upstream, ...this.downstream];
  }

  /** The `vm_id` of the first filter. */
  get vmId(): string {
    return [...this.downstream, ...this.upstream][0]?.source.vm.settings.vmId ?? "";
  }

  /** The root contexts that serve a new stream of a worker. */
  rootsOf(chain: "downstream" | "upstream", worker: number): RootContext[] {
    const roots: RootContext[] = [];
    for (const { plugins } of this[chain]) {
      const root = plugins[worker]?.forStream();
      if (root !== undefined) roots.push(root);
    }
    return roots;
  }

  /** @throws MeshwrightError `configuration` when no filter has that name */
  configure(name: string, configuration: Json | undefined): ConfigureResult {
    const named = this.all.find(({ source }) => source.name === name);
    if (named === undefined) {
      const names = this.all.map(({ source }) => source.name).join(", ");
      throw refused(`there is no filter "${name}" in this proxy, only: ${names}`);
    }
    const bytes = configurationBytes(configuration);
    const reason = this.tryOut(named.source, bytes);
    if (reason !== undefined) return { accepted: false, reason };
    for (const plugin of [named.main, ...named.plugins]) plugin.configure(bytes);
    return { accepted: true };
  }

  private worker(index: number): Worker {
    return new Worker(index, this.around.host, (trap, context, callback) => {
      const { plugin } = context.root;
      this.traps.push({ filter: plugin, callback, worker: index, error: trap, message: trap.message });
    });
  }

  private start(filter: HostedFilter): ProxyFilter {
    const { host, random } = this.around;
    const source = this.sourceOf(filter);
    const configuration = configurationBytes(filter.configuration);
    const reason = this.tryOut(source, configuration);
    if (reason !== undefined) {
      throw refused(`the filter "${filter.name}" refuses its configuration: ${reason}`);
    }
    const plugin = (worker: Worker) => new Plugin(source, worker, host, random);
    const main = plugin(this.main);
    main.configure(configuration);
    return { source, main, plugins: this.workers.map(plugin) };
  }

  /** The main thread starts every filter before any worker does. */
  private startWorkers(filters: readonly HostedFilter[]): void {
    const configurations = filters.map(({ configuration }) => configurationBytes(configuration));
    this.workers.forEach((_, worker) => {
      this.all.forEach(({ plugins }, i) => {
        plugins[worker]?.configure(configurations[i] as Buffer);
      });
    });
  }

  /**
   * Tries a configuration in a VM of its own, which ends afterwards, as Envoy does before any
   * worker gets it. Returns why it is refused.
   */
  private tryOut(source: PluginSource, configuration: Buffer): string | undefined {
    const { host } = this.around;
    const [lines, traps] = [host.logs.length, this.traps.length];
    const vm = this.main.newVm(source.vm);
    const root = new RootContext(vm, source.name, source.rootId, source.allowOnHeadersStopIteration);
    const accepted = root.start(configuration);
    root.discard();
    if (accepted && !vm.hasEnded) return undefined;
    const [trap] = this.traps.slice(traps);
    if (trap !== undefined) return trap.message;
    const said = host.logs.slice(lines).filter(({ level }) => level >= ERROR);
    return said.map(({ text }) => text).join("; ") || `unable to create Wasm plugin ${source.name}`;
  }

  private sourceOf(filter: HostedFilter): PluginSource {
    const path = filter.module.endsWith(".wasm") ? filter.module : modulePath(filter.module);
    const { name, vmId = name, failurePolicy = "FAIL_RELOAD" } = filter;
    const vmConfiguration = configurationBytes(filter.vmConfiguration);
    const settings = settingsOf({
      vmId,
      vmConfiguration,
      logLevel: this.logLevel,
      clusters: [...this.around.upstreams.keys()],
      bufferLimit: this.around.bufferLimit,
    });
    return {
      name,
      rootId: filter.rootId ?? "",
      vm: {
        key: `${vmId}\0${vmConfiguration.toString()}\0${path}`,
        module: compiledModule(path),
        path,
        settings,
      },
      failurePolicy,
      allowOnHeadersStopIteration: filter.allowOnHeadersStopIteration ?? false,
    };
  }
}
