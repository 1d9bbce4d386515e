// A bundle's root: it hands each filter its part of the configuration, and passes on what the host says to a root.

import { LogLevel, Status } from "../abi/types";
import { HttpContext, RootContext } from "../context";
import { log } from "../host/log";
import { Bytes } from "../text/bytes";
import { BundleConfig } from "./config";
import { BundlePlan } from "./plan";
import { BundleStream } from "./stream";

@final
export class BundleRoot extends RootContext {
  /** The filters' own roots, in the order of the chain. They have this one's number. */
  readonly parts: StaticArray<RootContext>;
  /** Parts whose `onDone` returned false. */
  private unfinished: i32 = 0;

  constructor(
    id: u32,
    readonly plan: BundlePlan,
  ) {
    super(id);
    const factories = plan.factories;
    this.parts = new StaticArray<RootContext>(factories.length);
    for (let i = 0; i < factories.length; i++) {
      const part = factories[i](id);
      part.owner = this;
      this.parts[i] = part;
    }
  }

  override onStart(configuration: Bytes): bool {
    for (let i = 0; i < this.parts.length; i++) {
      if (!this.parts[i].onStart(configuration)) return false;
    }
    return true;
  }

  /** The first filter that refuses its part says why, as when it stands alone. */
  override onConfigure(configuration: Bytes): bool {
    const config = new BundleConfig(configuration, this.plan.filters);
    if (config.error.length > 0) {
      log(LogLevel.Error, `bundle ${this.plan.name}: configuration refused: ${config.error}`);
      return false;
    }
    for (let i = 0; i < this.parts.length; i++) {
      this.parts[i].pluginName = this.pluginName;
      if (!this.parts[i].onConfigure(config.parts[i])) return false;
    }
    return true;
  }

  /** Which of the filters registered the queue, the host does not say. */
  override onQueueReady(queue: u32): void {
    for (let i = 0; i < this.parts.length; i++) this.parts[i].onQueueReady(queue);
  }

  override onForeignFunction(id: u32, data: Bytes): void {
    for (let i = 0; i < this.parts.length; i++) this.parts[i].onForeignFunction(id, data);
  }

  override onDone(): bool {
    for (let i = 0; i < this.parts.length; i++) {
      if (!this.parts[i].onDone()) this.unfinished++;
    }
    return this.unfinished == 0;
  }

  /** The bundle ends with the last of them. */
  override partDone(): Status {
    if (this.unfinished == 0 || --this.unfinished > 0) return Status.Ok;
    return this.done();
  }

  override createHttpContext(): HttpContext {
    return new BundleStream(this.plan, this.parts);
  }
}
