// Connects the SDK's contexts, which get the host's callbacks, with the contexts that a filter of
// this API extends.

import { FilterDataStatus, FilterHeadersStatus, FilterTrailersStatus } from "../../assembly/abi/types";
import { HttpContext, RootContext as SdkRootContext } from "../../assembly/context";
import { findRoot, findStream, registerRootContext as registerSdkRoot } from "../../assembly/dispatcher";
import { effectiveContext } from "../../assembly/host/stream-control";
import { Bytes } from "../../assembly/text/bytes";
import { BaseContext, Context, RootContext } from "./context";
import { get_property, log } from "./host";
import { LogLevelValues } from "./values";

const factories: Map<string, (context_id: u32) => RootContext> = new Map<
  string,
  (context_id: u32) => RootContext
>();

/**
 * Registers the function that makes a plugin's root context.
 * @param name the plugin's `root_id` in Envoy's configuration; a plugin without one gets the only
 * root context of a module
 */
export function registerRootContext(
  root_context_factory: (context_id: u32) => RootContext,
  name: string,
): void {
  if (factories.size == 0) registerSdkRoot((id: u32) => new RootAdapter(id));
  factories.set(name, root_context_factory);
}

/** One stream of the filter. */
@final
export class StreamAdapter extends HttpContext {
  constructor(
    /** The plugin that serves the stream. */
    readonly plugin: RootAdapter,
    readonly context: Context,
  ) {
    super();
  }

  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    return this.context.onRequestHeaders(headers, endOfStream);
  }

  onRequestBody(size: u32, endOfStream: bool): FilterDataStatus {
    return this.context.onRequestBody(size, endOfStream);
  }

  onRequestTrailers(trailers: u32): FilterTrailersStatus {
    return this.context.onRequestTrailers(trailers);
  }

  onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    return this.context.onResponseHeaders(headers, endOfStream);
  }

  onResponseBody(size: u32, endOfStream: bool): FilterDataStatus {
    return this.context.onResponseBody(size, endOfStream);
  }

  onResponseTrailers(trailers: u32): FilterTrailersStatus {
    return this.context.onResponseTrailers(trailers);
  }

  onDone(): bool {
    return this.context.onDone();
  }

  onLog(): void {
    this.context.onLog();
  }

  onRecycle(): bool {
    this.context.onDelete();
    return false;
  }
}

/**
 * One plugin of the filter. Its root context is made when it is first needed: only then are the
 * host calls in its constructor about this plugin.
 */
@final
export class RootAdapter extends SdkRootContext {
  private made: RootContext | null = null;

  /** `null` if the module has no root context for the plugin's `root_id`. */
  root(): RootContext | null {
    const made = this.made;
    if (made) return made;
    const factory = findFactory();
    if (!factory) return null;
    const root = factory(this.id);
    root.context_id = this.id;
    this.made = root;
    return root;
  }

  onStart(configuration: Bytes): bool {
    const root = this.root();
    return root ? root.onStart(configuration.size) : true;
  }

  onConfigure(configuration: Bytes): bool {
    const root = this.root();
    return root ? root.onConfigure(configuration.size) : false;
  }

  onTick(): void {
    const root = this.root();
    if (root) root.onTick();
  }

  onQueueReady(queue: u32): void {
    const root = this.root();
    if (root) root.onQueueReady(queue);
  }

  onDone(): bool {
    const root = this.root();
    return root ? root.onDone() : true;
  }

  createHttpContext(): HttpContext {
    const root = this.root();
    return root ? new StreamAdapter(this, root.createContext(effectiveContext())) : new HttpContext();
  }
}

function findFactory(): ((context_id: u32) => RootContext) | null {
  const id = String.UTF8.decode(get_property("plugin_root_id"));
  if (factories.has(id)) return factories.get(id);
  const names = factories.keys();
  if (id == "" && names.length == 1) return factories.get(names[0]);
  log(LogLevelValues.critical, "no root context for root_id '" + id + "', only for: " + names.join(", "));
  return null;
}

/** The plugin's root context, or `null` if the number is not a plugin's. */
export function findRootContext(context_id: u32): RootContext | null {
  const root = findRoot(context_id);
  return root instanceof RootAdapter ? (<RootAdapter>root).root() : null;
}

/** The stream's context, or `null` if the number is not a stream's. */
export function findContext(context_id: u32): Context | null {
  const stream = findStream(context_id);
  return stream instanceof StreamAdapter ? (<StreamAdapter>stream).context : null;
}

/** The context with that number. Traps if there is none, like the two below. */
export function getBaseContext(context_id: u32): BaseContext {
  const context = findContext(context_id);
  return context ? context : getRootContext(context_id);
}

export function getContext(context_id: u32): Context {
  return assert(findContext(context_id), "there is no stream of that number");
}

export function getRootContext(context_id: u32): RootContext {
  return assert(findRootContext(context_id), "there is no plugin of that number");
}

/**
 * Calls the plugin's `onTick` every `millisecond` milliseconds; 0 ends that. Also works in a
 * stream's callback.
 */
export function set_tick_period_milliseconds(millisecond: u32): void {
  const id = effectiveContext();
  const stream = findStream(id);
  const root: SdkRootContext | null =
    stream instanceof StreamAdapter ? (<StreamAdapter>stream).plugin : findRoot(id);
  if (root) root.setTickPeriod(millisecond);
}
