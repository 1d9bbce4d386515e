// The root of a filter that has a configuration: what all such filters do with it in the same way.

import { LogLevel } from "./abi/types";
import { ALL_CALLBACKS, Callback, missingCallbacks } from "./callbacks";
import { HttpContext, RootContext } from "./context";
import { log } from "./host/log";
import { Bytes } from "./text/bytes";
import { Config, ConfigNode } from "./text/config";

const REMEDY = "use the whole module, or a lean build for these settings";

/**
 * Logs why a configuration is refused, `NAME: configuration refused: PATH: REASON`.
 * @param error in the form of `Config.error`
 */
export function logRefusal(name: string, error: string): void {
  log(LogLevel.Error, `${name}: configuration refused: ${error}`);
}

/**
 * A plugin whose configuration is a JSON document. A document with a fault is refused with one line
 * in the log, and the last good one stays in use. Until there is a good one, every stream passes
 * unchanged.
 *
 * `C` is the compiled configuration. `S` serves streams by it and is made once it is accepted. Code
 * that defines metrics or talks to the host in other ways belongs in `S`, because `C` may be
 * refused.
 */
export abstract class FilterRoot<C, S> extends RootContext {
  /** Made from the last good configuration; `null` until there is one. */
  private service: S | null = null;
  /** The context of a filter without state per stream. */
  private shared: HttpContext | null = null;

  constructor(
    id: u32,
    /** The filter's name in its messages. */
    readonly filter: string,
  ) {
    super(id);
  }

  /** Compiles a document. Its nodes record what is wrong. Makes no host call. */
  abstract parse(root: ConfigNode): C;

  /** Begins to serve with a configuration that was accepted. */
  abstract accept(config: C): S;

  /**
   * The callbacks that this configuration needs, as bits of `Callback`, of those that the entry
   * file exports. Envoy enters each of the others for nothing, and a lean build leaves them out.
   * Whatever is kept for a stream from one callback to another needs `Callback.Delete`; without it
   * each callback gets a context of its own. Default: all that the filter exports.
   */
  neededCallbacks(config: C): u32 {
    return ALL_CALLBACKS ^ Callback.ContextCreate;
  }

  /** A context for a new stream. A filter with state per stream overrides this method. */
  streamContext(service: S): HttpContext {
    return new HttpContext();
  }

  /**
   * The one context that serves all streams, asked for once for each configuration. A filter
   * without state per stream overrides this method.
   */
  sharedContext(service: S): HttpContext | null {
    return null;
  }

  override onConfigure(configuration: Bytes): bool {
    const document = Config.parse(configuration);
    const config = this.parse(document.root);
    if (document.failed) {
      logRefusal(this.filter, document.error);
      return false;
    }
    const needed = this.neededCallbacks(config);
    const missing = missingCallbacks(needed);
    if (missing.length > 0) {
      logRefusal(this.filter, `configuration: needs ${missing}, which this lean build leaves out: ${REMEDY}`);
      return false;
    }
    this.needed = needed;
    const service = this.accept(config);
    this.service = service;
    this.shared = this.sharedContext(service);
    this.dropPool();
    return true;
  }

  override createHttpContext(): HttpContext {
    const service = this.service;
    return service ? this.streamContext(service) : new HttpContext();
  }

  override sharedHttpContext(): HttpContext | null {
    return this.shared;
  }
}
