// A bundle's root: it gives each filter its part of the configuration, and passes on the host's
// root callbacks.

import { Status } from "../abi/types";
import { Callback } from "../callbacks";
import { HttpContext, RootContext } from "../context";
import { findRoot } from "../dispatcher";
import { logRefusal } from "../filter-root";
import { finish, setEffectiveContext } from "../host/stream-control";
import { Timers } from "../host/timers";
import { Bytes } from "../text/bytes";
import { BundleConfig } from "./config";
import { BundlePlan } from "./plan";
import { BundleStream } from "./stream";

/**
 * The bundle that is being started or configured: queues that a filter registers now belong to it.
 */
let starting: BundleRoot | null = null;

/** The bundle whose parts are being made; their constructors may set timers. */
let making: BundleRoot | null = null;

/** The bundle's root of that number. */
export function bundleRoot(id: u32): BundleRoot {
  const root = making;
  return root && root.id == id ? root : <BundleRoot>findRoot(id)!;
}

/** A filter has registered a queue. */
export function queueRegistered(queue: u32): void {
  const root = starting;
  if (root) root.queueRegistered(queue);
}

@final
export class BundleRoot extends RootContext {
  /** The filters' own roots, in the order of the chain. They have the bundle's context number. */
  readonly parts: StaticArray<RootContext>;
  /** The timers of all parts: the host has one tick for them. */
  readonly partTimers: Timers;
  /** Parts whose `onDone` returned false. */
  private unfinished: i32 = 0;
  /** The place of the part that is being started or configured. */
  private startingPart: i32 = 0;
  /** From a queue to the place of the part that registered it last. */
  private readonly queues: Map<u32, i32> = new Map<u32, i32>();

  constructor(
    id: u32,
    readonly plan: BundlePlan,
  ) {
    super(id);
    this.partTimers = new Timers(id);
    const factories = plan.factories;
    this.parts = new StaticArray<RootContext>(factories.length);
    making = this;
    for (let i = 0; i < factories.length; i++) this.parts[i] = factories[i](id);
    making = null;
  }

  override onStart(configuration: Bytes): bool {
    let started: bool = true;
    for (let i = 0; started && i < this.parts.length; i++) started = this.begin(i).onStart(configuration);
    starting = null;
    return started;
  }

  /** The first filter that refuses its part logs the reason, as it would alone. */
  override onConfigure(configuration: Bytes): bool {
    const config = new BundleConfig(configuration, this.plan.filters);
    if (config.error.length > 0) {
      logRefusal(`bundle ${this.plan.name}`, config.error);
      return false;
    }
    let accepted: bool = true;
    for (let i = 0; accepted && i < this.parts.length; i++) {
      this.parts[i].pluginName = this.pluginName;
      accepted = this.begin(i).onConfigure(config.parts[i]);
    }
    starting = null;
    if (accepted) this.needed = this.neededByParts();
    return accepted;
  }

  /** The bundle itself knows from the request which filters a response must pass. */
  private neededByParts(): u32 {
    let needed: u32 = this.plan.union & Callback.RequestHeaders;
    for (let i = 0; i < this.parts.length; i++) needed |= this.parts[i].needed;
    return needed == Callback.RequestHeaders ? needed : needed | Callback.Delete;
  }

  /**
   * The host does not say which filter registered the queue. If none registered it in `onStart` or
   * `onConfigure`, all are told.
   */
  override onQueueReady(queue: u32): void {
    if (this.queues.has(queue)) {
      this.parts[this.queues.get(queue)].onQueueReady(queue);
      return;
    }
    for (let i = 0; i < this.parts.length; i++) this.part(i).onQueueReady(queue);
  }

  override onForeignFunction(id: u32, data: Bytes): void {
    for (let i = 0; i < this.parts.length; i++) this.part(i).onForeignFunction(id, data);
  }

  override onDone(): bool {
    for (let i = 0; i < this.parts.length; i++) {
      if (!this.part(i).onDone()) this.unfinished++;
    }
    return this.unfinished == 0;
  }

  /** A part whose `onDone` returned false has ended. The bundle ends with the last of them. */
  partDone(): Status {
    if (this.unfinished == 0 || --this.unfinished > 0) return Status.Ok;
    setEffectiveContext(this.id);
    return finish();
  }

  override runTimers(): void {
    this.partTimers.run();
  }

  override createHttpContext(): HttpContext {
    return new BundleStream(this.plan, this.parts);
  }

  /** The part that is being started or configured has registered a queue. */
  queueRegistered(queue: u32): void {
    this.queues.set(queue, this.startingPart);
  }

  /** The part at that place, which will be started or configured now. */
  private begin(place: i32): RootContext {
    starting = this;
    this.startingPart = place;
    return this.part(place);
  }

  /**
   * The part at that place. The one before it may have turned to a stream, so host calls are set to
   * the root again.
   */
  private part(place: i32): RootContext {
    setEffectiveContext(this.id);
    return this.parts[place];
  }
}
