// What one Envoy gets of clusters and routes while it runs, and its verdict on each. Envoy asks for
// them by HTTP, and its question waits here until there is something newer than what it has.

import type { Verdict } from "./source.js";

/** One kind of resource: all clusters, or the routes of one listener. */
export interface ResourceSet {
  /** Of the resources, without the domain. */
  readonly type: string;
  /** The only resource's name; absent for all of a type. */
  readonly name?: string;
  readonly resources: readonly object[];
}

/** A question of Envoy's: what it is about, and what Envoy works with. */
export interface ResourceRequest {
  readonly type: string;
  readonly names: readonly string[];
  /** The version that Envoy took last; empty before it took any. */
  readonly version: string;
}

export interface ResourceAnswer {
  readonly version: string;
  readonly resources: readonly object[];
}

type Settle = (verdict: Verdict | undefined) => void;

/** One set of resources, as Envoy knows it. */
interface Slot {
  current?: { readonly version: string; readonly set: ResourceSet };
  /** What Envoy took last: it gets this back after it has refused something else. */
  taken?: { readonly version: string; readonly set: ResourceSet };
  /** The version that was sent and is not decided yet. */
  sent?: string | undefined;
  /** The version that Envoy refused last. */
  refused?: string | undefined;
  waiting?: ((answer: ResourceAnswer) => void) | undefined;
  /** Who waits for the verdict on a version. */
  offered?: { readonly version: string; readonly settle: Settle } | undefined;
  /** Whether an Envoy asks for it. */
  isAsked?: boolean;
}

/** Outlives its Envoy: one that is started again asks anew, and gets the newest. */
export class RestSource {
  readonly #slots = new Map<string, Slot>();
  #versions = 0;

  /** Sets what an Envoy gets that asks, unless there is something already. */
  keep(set: ResourceSet): void {
    const slot = this.#slot(keyOf(set));
    slot.current ??= this.#versioned(set);
  }

  /** What an Envoy gets that asks now. */
  current(set: Pick<ResourceSet, "type" | "name">): ResourceSet | undefined {
    return this.#slot(keyOf(set)).current?.set;
  }

  /**
   * Gives Envoy other resources, and keeps them where Envoy takes them, or where none is connected.
   * One offer of a set at a time. Settles with the verdict; with undefined where no Envoy asks.
   */
  offer(set: ResourceSet): Promise<Verdict | undefined> {
    const slot = this.#slot(keyOf(set));
    const current = this.#versioned(set);
    slot.current = current;
    if (slot.isAsked !== true) return Promise.resolve(undefined);
    return new Promise((settle) => {
      slot.offered = { version: current.version, settle };
      this.#send(slot);
    });
  }

  /**
   * Settles with what Envoy gets: at once where it has something older, otherwise when there is
   * something newer.
   */
  asked(request: ResourceRequest, signal: AbortSignal): Promise<ResourceAnswer> {
    const slot = this.#slot(keyOf({ type: request.type, name: request.names[0] }));
    slot.isAsked = true;
    this.#decide(slot, request.version);
    return new Promise((resolve) => {
      slot.waiting = resolve;
      signal.addEventListener("abort", () => this.#left(slot, resolve), { once: true });
      const { current, refused } = slot;
      if (current !== undefined && current.version !== request.version && current.version !== refused)
        this.#send(slot);
    });
  }

  /** The next question tells what Envoy thinks of the last answer. */
  #decide(slot: Slot, version: string): void {
    const { sent, current, offered } = slot;
    if (version === "") slot.refused = undefined;
    slot.sent = undefined;
    if (sent === undefined) return;
    const taken = version === sent;
    if (taken && current?.version === sent) slot.taken = current;
    if (!taken) {
      slot.refused = sent;
      if (current?.version === sent && slot.taken !== undefined) slot.current = slot.taken;
    }
    if (offered?.version !== sent) return;
    slot.offered = undefined;
    offered.settle(taken ? { taken: true, streams: 1 } : { taken: false, reason: "" });
  }

  #left(slot: Slot, waiting: (answer: ResourceAnswer) => void): void {
    if (slot.waiting !== waiting) return;
    slot.waiting = undefined;
  }

  /** Envoy has ended: nobody decides on what was sent. */
  disconnected(): void {
    for (const slot of this.#slots.values()) {
      slot.isAsked = false;
      slot.waiting = undefined;
      slot.sent = undefined;
      slot.offered?.settle(undefined);
      slot.offered = undefined;
    }
  }

  #send(slot: Slot): void {
    const { waiting, current } = slot;
    if (waiting === undefined || current === undefined) return;
    slot.waiting = undefined;
    slot.sent = current.version;
    waiting({ version: current.version, resources: current.set.resources });
  }

  #versioned(set: ResourceSet) {
    this.#versions += 1;
    return { version: String(this.#versions), set };
  }

  #slot(key: string): Slot {
    const slot = this.#slots.get(key) ?? {};
    this.#slots.set(key, slot);
    return slot;
  }
}

function keyOf({ type, name }: { readonly type: string; readonly name?: string | undefined }): string {
  return name === undefined ? type : `${type} ${name}`;
}
