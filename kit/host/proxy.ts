// A whole proxy in process: workers, chains of filters, the router, and scripted upstreams. Stock
// Envoy's behaviour decides.
//
// A test drives with `request`, `open`, `advance`, `configure` and the `respond` of an attempt or a
// call. It looks at `response`, `upstreamSaw`, `logs`, `metrics`, `sharedData` and `traps`. Nothing
// happens in real time.

import type { Json } from "../../envoy/config/json.js";
import type { ClientRequest, UpstreamRequest } from "../traffic.js";
import { type AttemptOwner, UpstreamAttempt } from "./attempt.js";
import type { GrpcCall, HttpCall } from "./call-outs.js";
import { checkOptions, checkRequest } from "./check.js";
import { asksToClose, type Protocol, requestHeaders } from "./client-side.js";
import { HostedExchange } from "./exchange.js";
import type { HeaderMap } from "./header-map.js";
import { Host } from "./host.js";
import type { PropertyValue } from "./property.js";
import { type ConfigureResult, type HostedTrap, ProxyFilters } from "./proxy-filters.js";
import { type ProxyOptions, refused } from "./proxy-options.js";
import { type Route, Routes } from "./routes.js";
import { Seeded } from "./seeded.js";
import { Services } from "./services.js";
import { type Upstreams, upstreamNamed, upstreamsOf } from "./upstream-side.js";
import type { LogLine } from "./vm.js";

export interface RequestOptions extends ClientRequest {
  /** Default: `http1`, with which Envoy drops trailers. */
  readonly protocol?: Protocol;
  /** The worker that serves it, from 0. Default: each worker in turn. */
  readonly worker?: number;
  /** Property values by path, such as `source.address`, that replace the proxy's own. */
  readonly properties?: Readonly<Record<string, PropertyValue>>;
}

/**
 * Starts a proxy.
 * @throws MeshwrightError `configuration` for options of which no proxy can be made, and when a
 * filter refuses its configuration; `build` when a module does not exist
 */
export function hostProxy(options: ProxyOptions = {}): HostedProxy {
  return new HostedProxy(options);
}

export class HostedProxy {
  /** The surroundings of the VMs: the clock, shared data, queues, metrics and foreign functions. */
  readonly host = new Host();
  readonly random: Seeded;
  readonly routes: Routes;
  readonly bufferLimit: number;
  /** Traps of filters' modules, in order. */
  readonly traps: readonly HostedTrap[];

  /** Used by the filters. */
  readonly upstreams: Upstreams;
  private readonly filters: ProxyFilters;
  private readonly services: Services;
  private readonly waiting = new Set<UpstreamAttempt>();
  private nextWorker = 0;
  private isClosed = false;

  constructor(options: ProxyOptions) {
    checkOptions(options);
    this.random = new Seeded(options.seed ?? 1);
    this.host.fillRandom = (bytes) => this.random.fill(bytes);
    this.bufferLimit = options.bufferLimit ?? 1024 * 1024;
    this.upstreams = upstreamsOf(options);
    this.services = new Services(this.host, this.upstreams);
    this.host.services = this.services;
    const fallback = options.defaultUpstream ?? upstreamNamed(this.upstreams, undefined).name;
    this.routes = new Routes(options.routeOptions ?? {}, [...this.upstreams.keys()], fallback);
    this.filters = new ProxyFilters(options, this);
    this.traps = this.filters.traps;
    this.host.settle();
  }

  /** Sends a whole request. Its answer is in `response` at once, if nothing has to wait. */
  request(request: RequestOptions = {}): HostedExchange {
    return this.send(request, true);
  }

  /**
   * Sends a request's headers. The rest follows through the exchange's `sendBody`, `sendTrailers`,
   * `end` or `cancel`.
   */
  open(request: Omit<RequestOptions, "body" | "trailers"> = {}): HostedExchange {
    return this.send(request, false);
  }

  private send(request: RequestOptions, isWhole: boolean): HostedExchange {
    this.checkOpen();
    const { protocol = "http1", worker = this.nextWorker } = request;
    if (!Number.isInteger(worker) || worker < 0 || worker >= this.filters.workers.length) {
      throw refused(`there is no worker ${worker}: the workers are 0 to ${this.filters.workers.length - 1}`);
    }
    checkRequest(request, protocol);
    if (request.worker === undefined) this.nextWorker = (worker + 1) % this.filters.workers.length;
    const roots = this.filters.rootsOf("downstream", worker);
    const closes = asksToClose(request, protocol);
    const exchange = new HostedExchange(this, worker, protocol, roots, request.properties, closes);
    exchange.begin(requestHeaders(request, protocol, this.random), request, isWhole);
    this.host.settle();
    return exchange;
  }

  /**
   * Lets this many milliseconds pass. Ticks, timeouts, retries and delayed answers happen in order.
   */
  advance(ms: number): void {
    this.checkOpen();
    this.host.clock.advance(ms);
    this.host.settle();
  }

  /**
   * Gives a filter another configuration, or none, while streams are open. Open streams keep the
   * old one. A refused configuration changes nothing.
   * @throws MeshwrightError `configuration` when no filter has that name
   */
  configure(filterName: string, configuration?: Json): ConfigureResult {
    this.checkOpen();
    const result = this.filters.configure(filterName, configuration);
    this.host.settle();
    return result;
  }

  /** Called by the router: makes an attempt at an upstream. */
  attempt(owner: AttemptOwner, cluster: string, number: number, worker: number): UpstreamAttempt {
    const upstream = upstreamNamed(this.upstreams, cluster);
    const roots = this.filters.rootsOf("upstream", worker);
    const attempt = new UpstreamAttempt(this, owner, upstream, number, roots);
    this.waiting.add(attempt);
    return attempt;
  }

  /** Called by an attempt that is over. */
  forget(attempt: UpstreamAttempt): void {
    this.waiting.delete(attempt);
  }

  /** Used by attributes: where a request with these headers would go. */
  routeNow(headers: HeaderMap | undefined): Route | undefined {
    return headers === undefined ? undefined : this.routes.routeOf(headers);
  }

  /** Attempts that wait for an answer, the oldest first. */
  get attempts(): readonly UpstreamAttempt[] {
    return [...this.waiting];
  }

  /** Filters' HTTP calls that wait for an answer, the oldest first. */
  get httpCalls(): readonly HttpCall[] {
    return this.services.httpCalls;
  }

  /** Filters' gRPC calls and streams that are open, the oldest first. */
  get grpcCalls(): readonly GrpcCall[] {
    return this.services.grpcCalls;
  }

  /**
   * The requests that reached an upstream, including calls of filters, the oldest first. At least
   * the last ten thousand are kept.
   * @param name Default: the first upstream
   * @throws MeshwrightError `configuration` when no upstream has that name
   */
  upstreamSaw(name?: string): readonly UpstreamRequest[] {
    return upstreamNamed(this.upstreams, name).requests;
  }

  /** The lines of all filters on all workers, in order. */
  get logs(): readonly LogLine[] {
    return this.host.logs;
  }

  /** Values of counters and gauges, by name. */
  get metrics(): ReadonlyMap<string, number> {
    return this.host.metrics.values;
  }

  /**
   * Keys and values as text.
   * @param vmId Default: the first filter's
   */
  sharedData(vmId?: string): ReadonlyMap<string, string> {
    return this.host.sharedDataOf(vmId ?? this.filters.vmId).entries;
  }

  /** Ends the proxy. Nothing can be driven any more. */
  close(): void {
    this.isClosed = true;
  }

  /** @throws MeshwrightError `configuration` after `close` */
  checkOpen(): void {
    if (this.isClosed) throw refused("the proxy was closed: start another with hostProxy");
  }
}
