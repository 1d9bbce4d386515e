// The root of a filter that has a configuration: what every such filter does alike with it.

import { LogLevel } from "./abi/types";
import { HttpContext, RootContext } from "./context";
import { log } from "./host/log";
import { Bytes } from "./text/bytes";
import { Config, ConfigNode } from "./text/config";

/**
 * Logs why a configuration is refused, `NAME: configuration refused: PATH: REASON`.
 * @param error as `Config.error` has it
 */
export function logRefusal(name: string, error: string): void {
  log(LogLevel.Error, `${name}: configuration refused: ${error}`);
}

/**
 * A plugin whose configuration is a JSON document. A document with a fault is refused with one line
 * in the log, and the last good one serves on; until there is one, every stream passes as it is.
 *
 * `C` is the compiled configuration. `S` is what serves streams by it, made once it is accepted:
 * what defines metrics or talks to the host otherwise belongs there, for `C` may be refused.
 */
export abstract class FilterRoot<C, S> extends RootContext {
  /** Made of the last good configuration; `null` until there is one. */
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

  /** Compiles a document. What is wrong with it, its nodes record. Makes no host call. */
  abstract parse(root: ConfigNode): C;

  /** Begins to serve by a configuration that was accepted. */
  abstract accept(config: C): S;

  /** A context for a new stream. A filter with state per stream has this one. */
  streamContext(service: S): HttpContext {
    return new HttpContext();
  }

  /**
   * The one context that serves all streams, asked for once for each configuration. A filter
   * without state per stream has this one.
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
