// Runs a proxy-wasm module in Node's own V8, without a proxy. Stock Envoy's behaviour decides: the
// integration tests compare the same filters with it.
//
// A test drives with `configure`, `exchange`, `open`, `advance` and a call's `respond`. It looks at
// `logs`, `metrics`, and a stream's `upstream` and `client`. Everything that a module may call
// exists. Nothing happens in real time.

import type { Json } from "../../envoy/config/json.js";
import { callbackNames, NEEDED_GLOBAL } from "../../envoy/module/lean.js";
import type { HeaderList } from "../traffic.js";
import type { GrpcCall, HttpCall } from "./call-outs.js";
import { checkHostOptions } from "./check.js";
import { compiledModule } from "./compiled.js";
import { configurationBytes } from "./configuration.js";
import type { LocalReply } from "./context.js";
import { Host, type HostOptions, settingsOf } from "./host.js";
import { HttpStream, type StreamOptions } from "./http-stream.js";
import type { PropertyValue } from "./property.js";
import { RootContext } from "./root-context.js";
import { type ConnectOptions, TcpStream } from "./tcp-stream.js";
import { type LogLine, Vm } from "./vm.js";

/** What a filter did with a request. */
export interface Exchange {
  /** The request headers as the upstream would get them. */
  readonly request: HeaderList;
  /** The response headers as the client would get them, if the exchange had a response. */
  readonly response: HeaderList;
  /** The filter's own answer, if it gave one. */
  readonly localReply?: LocalReply;
  /** Host calls that the exchange made, by name. */
  readonly hostCalls: ReadonlyMap<string, number>;
  /**
   * How many of these returned bytes. For each the host calls back into the module for memory,
   * which in Envoy makes it about six times as expensive as another call.
   */
  readonly byteCalls: number;
}

export interface ExchangeOptions {
  readonly response?: HeaderList;
  /** Property values by path, such as `source.address`. */
  readonly properties?: Readonly<Record<string, PropertyValue>>;
  /** The plugin that serves it. Default: the one that was configured last. */
  readonly plugin?: string;
}

export interface ConfigureOptions {
  /** The plugin's name. A configuration replaces the one of the same name. Default "plugin". */
  readonly plugin?: string;
  /** The plugin's `root_id`, by which a module with several filters chooses one. Default "". */
  readonly rootId?: string;
}

const RESPONSE: HeaderList = [[":status", "200"]];

/**
 * Compiles the module and starts one VM. Throws when the module wants an import that stock Envoy
 * does not link, or has an ABI that Envoy does not speak.
 * @throws MeshwrightError `build` when the file does not exist or is not a module, `configuration`
 * for an unknown log level or an impossible buffer limit
 */
export function loadModule(path: string, options: HostOptions = {}): HostedModule {
  return new HostedModule(compiledModule(path), options, path);
}

/** One VM with one module, and the plugins that run in it. */
export class HostedModule {
  /** The surroundings of the VM: its clock, shared data, queues, metrics and foreign functions. */
  readonly host = new Host();

  private readonly vm: Vm;
  private readonly roots = new Map<string, RootContext>();
  private latest: RootContext | undefined;

  /** @param path the module's file, for the source lines of a trap */
  constructor(module: WebAssembly.Module, options: HostOptions = {}, path?: string) {
    checkHostOptions(options);
    this.vm = new Vm(module, this.host, settingsOf(options), path);
  }

  get logs(): LogLine[] {
    return this.vm.logs;
  }

  /** Values of counters and gauges, by name. */
  get metrics(): ReadonlyMap<string, number> {
    return this.host.metrics.values;
  }

  /** Host calls that the VM has made since its start, by name. */
  get hostCallsTotal(): ReadonlyMap<string, number> {
    return this.vm.calls.countedCalls(this.vm.calls.counts());
  }

  /** Pages of 64 KiB that the VM's memory has now. */
  get pages(): number {
    return this.vm.memory.pages;
  }

  /**
   * The callbacks of streams, by their names, that the configuration needs that was accepted last;
   * `undefined` where the module does not say. A lean build has no others.
   */
  get neededCallbacks(): readonly string[] | undefined {
    const bits = this.vm.globalOf(NEEDED_GLOBAL);
    return bits === undefined ? undefined : callbackNames(bits);
  }

  /** HTTP calls that wait for an answer, the oldest first. */
  get httpCalls(): HttpCall[] {
    return [...this.roots.values()].flatMap((root) => [...root.httpCalls.values()]);
  }

  /** gRPC calls and streams that are open, the oldest first. */
  get grpcCalls(): GrpcCall[] {
    return [...this.roots.values()].flatMap((root) => [...root.grpcCalls.values()]);
  }

  /**
   * Starts a plugin with this configuration. If the plugin accepts it, it serves all later streams,
   * and the plugin that it replaces ends with its last stream.
   * @param configuration text and bytes go to the module unchanged; any other value is written as
   * JSON text. Default: nothing.
   * @throws MeshwrightError `configuration` for a value that JSON cannot express
   */
  configure(
    configuration: Json | Uint8Array = "",
    { plugin = "plugin", rootId = "" }: ConfigureOptions = {},
  ): { accepted: boolean; logs: string[] } {
    const isRaw = typeof configuration === "string" || configuration instanceof Uint8Array;
    const bytes = isRaw ? Buffer.from(configuration as string) : configurationBytes(configuration);
    const before = this.logs.length;
    const root = new RootContext(this.vm, plugin, rootId, this.vm.options.allowOnHeadersStopIteration);
    const accepted = root.start(bytes);
    if (accepted) {
      this.roots.get(plugin)?.retire();
      this.roots.set(plugin, root);
      this.latest = root;
    } else root.discard();
    this.vm.host.settle();
    return { accepted, logs: this.logs.slice(before).map((line) => line.text) };
  }

  /**
   * Opens a stream with these request headers. Any number may be open at once. Each ends with its
   * `close`.
   */
  open(request: HeaderList, options: StreamOptions & { readonly plugin?: string } = {}): HttpStream {
    return new HttpStream(this.rootOf(options.plugin), request, options);
  }

  /**
   * Opens a TCP connection, for a module that is a network filter. Any number may be open at once.
   */
  connect(options: ConnectOptions & { readonly plugin?: string } = {}): TcpStream {
    return new TcpStream(this.rootOf(options.plugin), options);
  }

  /** One stream without bodies, from its first callback to its last. */
  exchange(request: HeaderList, options: ExchangeOptions = {}): Exchange {
    const { vm } = this;
    const before = vm.calls.counts();
    const roomsBefore = vm.memory.rooms;
    const { properties = {} } = options;
    const stream = new HttpStream(this.rootOf(options.plugin), request, { properties, endOfStream: true });
    if (stream.upstream.isWhole) stream.responseHeaders(options.response ?? RESPONSE, true);
    stream.close();
    const after = vm.calls.counts();
    return {
      request: stream.requestHeaders,
      response: stream.client.headerList,
      ...(stream.localReply === undefined ? {} : { localReply: stream.localReply }),
      get hostCalls() {
        return vm.calls.countedCalls(after, before);
      },
      byteCalls: vm.memory.rooms - roomsBefore,
    };
  }

  /** Lets this many milliseconds pass. Ticks and timeouts happen in order. */
  advance(ms: number): void {
    this.host.clock.advance(ms);
  }

  /** Calls the plugin as Envoy's own code would. */
  callForeign(id: number, data: string | Uint8Array, plugin?: string): void {
    this.rootOf(plugin).foreignFunction(id, Buffer.from(data as string));
  }

  /** Ends a plugin, once its last stream has ended. */
  end(plugin?: string): void {
    const root = this.rootOf(plugin);
    this.roots.delete(root.plugin);
    root.retire();
    this.vm.host.settle();
  }

  private rootOf(plugin: string | undefined): RootContext {
    const root = plugin === undefined ? this.latest : this.roots.get(plugin);
    if (root === undefined) throw new Error("no plugin was configured: call configure first");
    return root;
  }
}
