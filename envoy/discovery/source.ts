// What one Envoy gets from the discovery server: its filters' settings or its secrets, and its
// verdict on each.

import type { Secret } from "../config/secret.js";
import type { ExtensionResource } from "../config/wasm.js";
import type { DiscoveryRequest } from "./messages.js";

/** What Envoy asks for by its name. */
interface Named {
  readonly name: string;
}

/** The settings of one Envoy's filters. */
export type FilterSource = ResourceSource<ExtensionResource>;
/** The certificates and authorities of one Envoy. */
export type SecretSource = ResourceSource<Secret>;

/** Envoy's word on settings that it got. */
export type Verdict =
  /** `streams`: how many took them. */
  | { readonly taken: true; readonly streams: number }
  /** Envoy's own sentence. The filter's is in Envoy's log. */
  | { readonly taken: false; readonly reason: string };

/** A resource on its way to Envoy. */
interface Offer<Resource> {
  readonly resource: Resource;
  readonly settle: (verdict: Verdict | undefined) => void;
}

/**
 * A stream for one resource. Envoy repeats the nonce with its verdict. A filter that stands in the
 * chains of several clusters has a stream for each of them.
 */
export interface Stream<Resource extends Named = ExtensionResource> {
  send(nonce: string, resource: Resource): void;
}

/** A stream's part in a resource. */
interface Subscription<Resource> {
  readonly queue: Offer<Resource>[];
  /** The answer without a verdict. */
  open?: { readonly nonce: string; readonly offer: Offer<Resource> } | undefined;
}

/**
 * The resources of one kind of one Envoy. They outlive that Envoy: one that is started again asks
 * anew and gets the newest. An answer waits for Envoy's verdict on the one before it.
 */
export class ResourceSource<Resource extends Named> {
  /** What an Envoy gets that asks anew. */
  readonly #current = new Map<string, Resource>();
  /** What Envoy has taken last. */
  readonly #taken = new Map<string, Resource>();
  /** By the filters' names and by their streams. */
  readonly #subscriptions = new Map<string, Map<Stream<Resource>, Subscription<Resource>>>();
  #sent = 0;

  /**
   * Sets what an Envoy gets when it asks for this resource. One that has asked already gets it too,
   * and nobody waits for its verdict.
   */
  keep(resource: Resource): void {
    this.#current.set(resource.name, resource);
    void this.offer(resource);
  }

  /** What an Envoy gets that asks for this resource now. */
  current(name: string): Resource | undefined {
    return this.#current.get(name);
  }

  /** Keeps what Envoy has taken last; false where that is what is kept. */
  returnToTaken(name: string): boolean {
    const taken = this.#taken.get(name);
    if (taken === undefined || taken === this.#current.get(name)) return false;
    this.#current.set(name, taken);
    return true;
  }

  /**
   * Gives Envoy a resource, and keeps it where Envoy takes it. Settles with its
   * verdict; with undefined where Envoy is not connected, leaves before it has decided, or has
   * nothing of this name.
   */
  async offer(resource: Resource): Promise<Verdict | undefined> {
    const subscriptions = [...(this.#subscriptions.get(resource.name) ?? [])];
    const verdicts = await Promise.all(
      subscriptions.map(([stream, subscription]) => this.#offerOn(stream, subscription, resource)),
    );
    const given = verdicts.filter((verdict) => verdict !== undefined);
    const refusal = given.find((verdict) => !verdict.taken);
    if (refusal !== undefined || given.length === 0) return refusal;
    this.#taken.set(resource.name, resource);
    this.#current.set(resource.name, resource);
    return { taken: true, streams: given.length };
  }

  /** A stream of Envoy's has ended. */
  disconnected(name: string, stream: Stream<Resource>): void {
    const streams = this.#subscriptions.get(name);
    const subscription = streams?.get(stream);
    if (subscription === undefined) return;
    streams?.delete(stream);
    subscription.open?.offer.settle(undefined);
    for (const { settle } of subscription.queue) settle(undefined);
  }

  /** A request on a stream: the first asks for the resource, each other one is a verdict. */
  requested(name: string, stream: Stream<Resource>, request: DiscoveryRequest): void {
    const streams = this.#subscriptions.get(name) ?? new Map<Stream<Resource>, Subscription<Resource>>();
    this.#subscriptions.set(name, streams);
    const known = streams.get(stream);
    if (known !== undefined) {
      this.#decide(stream, known, request);
      return;
    }
    const subscription: Subscription<Resource> = { queue: [] };
    streams.set(stream, subscription);
    const resource = this.#current.get(name);
    if (resource !== undefined) void this.#first(stream, subscription, resource);
  }

  async #first(
    stream: Stream<Resource>,
    subscription: Subscription<Resource>,
    resource: Resource,
  ): Promise<void> {
    const verdict = await this.#offerOn(stream, subscription, resource);
    if (verdict?.taken && this.#current.get(resource.name) === resource)
      this.#taken.set(resource.name, resource);
  }

  #offerOn(
    stream: Stream<Resource>,
    subscription: Subscription<Resource>,
    resource: Resource,
  ): Promise<Verdict | undefined> {
    return new Promise((settle) => {
      subscription.queue.push({ resource, settle });
      this.#sendNext(stream, subscription);
    });
  }

  #decide(stream: Stream<Resource>, subscription: Subscription<Resource>, request: DiscoveryRequest): void {
    if (subscription.open?.nonce !== request.responseNonce) return;
    const { settle } = subscription.open.offer;
    subscription.open = undefined;
    const reason = request.errorDetail?.message;
    settle(reason === undefined ? { taken: true, streams: 1 } : { taken: false, reason });
    this.#sendNext(stream, subscription);
  }

  #sendNext(stream: Stream<Resource>, subscription: Subscription<Resource>): void {
    if (subscription.open !== undefined) return;
    const offer = subscription.queue.shift();
    if (offer === undefined) return;
    this.#sent += 1;
    const nonce = String(this.#sent);
    subscription.open = { nonce, offer };
    stream.send(nonce, offer.resource);
  }
}
