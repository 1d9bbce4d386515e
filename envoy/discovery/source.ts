// What one Envoy gets from the discovery server: its filters' settings, and Envoy's verdict on each.

import type { ExtensionResource } from "../config/wasm.js";
import type { DiscoveryRequest } from "./messages.js";

/** Envoy's word on settings that it got. */
export type Verdict =
  | { readonly taken: true }
  /** Envoy's own sentence. The filter's is in Envoy's log. */
  | { readonly taken: false; readonly reason: string };

/** Settings on their way to Envoy. */
interface Offer {
  readonly resource: ExtensionResource;
  readonly settle: (verdict: Verdict | undefined) => void;
}

/** The stream of one filter. Envoy repeats the nonce with its verdict. */
export interface Stream {
  send(nonce: string, resource: ExtensionResource): void;
}

/** A filter of a connected Envoy. */
interface Subscription {
  readonly stream: Stream;
  readonly queue: Offer[];
  /** The answer without a verdict. */
  open?: { readonly nonce: string; readonly offer: Offer } | undefined;
}

/**
 * The settings of one Envoy's filters. They outlive that Envoy: one that is started again asks anew
 * and gets the newest. An answer waits for Envoy's verdict on the one before it.
 */
export class FilterSource {
  /** What an Envoy gets that asks anew. */
  readonly #current = new Map<string, ExtensionResource>();
  /** What Envoy has taken last. */
  readonly #taken = new Map<string, ExtensionResource>();
  /** By the filters' names. */
  readonly #subscriptions = new Map<string, Subscription>();
  #sent = 0;

  /**
   * Sets what an Envoy gets when it asks for this filter. One that has asked already gets it too,
   * and nobody waits for its verdict.
   */
  keep(resource: ExtensionResource): void {
    this.#current.set(resource.name, resource);
    void this.offer(resource);
  }

  /** What an Envoy gets that asks for this filter now. */
  current(name: string): ExtensionResource | undefined {
    return this.#current.get(name);
  }

  /** Keeps the settings that Envoy has taken last; false where they are those that are kept. */
  returnToTaken(name: string): boolean {
    const taken = this.#taken.get(name);
    if (taken === undefined || taken === this.#current.get(name)) return false;
    this.#current.set(name, taken);
    return true;
  }

  /**
   * Gives Envoy a filter's settings, and keeps them where Envoy takes them. Settles with its
   * verdict; with undefined where Envoy is not connected, leaves before it has decided, or has no
   * filter of this name.
   */
  offer(resource: ExtensionResource): Promise<Verdict | undefined> {
    const subscription = this.#subscriptions.get(resource.name);
    if (subscription === undefined) return Promise.resolve(undefined);
    return new Promise((settle) => {
      subscription.queue.push({ resource, settle });
      this.#sendNext(subscription);
    });
  }

  /** Envoy's stream for a filter has ended. Nothing happens where it has another one meanwhile. */
  disconnected(name: string, stream: Stream): void {
    const subscription = this.#subscriptions.get(name);
    if (subscription?.stream !== stream) return;
    this.#subscriptions.delete(name);
    for (const { settle } of [...(subscription.open ? [subscription.open.offer] : []), ...subscription.queue])
      settle(undefined);
  }

  /** A request on a filter's stream: the first asks for the filter, each other one is a verdict. */
  requested(name: string, stream: Stream, request: DiscoveryRequest): void {
    const known = this.#subscriptions.get(name);
    if (known?.stream === stream) this.#verdict(known, request);
    else this.#subscribe(name, stream);
  }

  #subscribe(name: string, stream: Stream): void {
    const known = this.#subscriptions.get(name);
    if (known !== undefined) this.disconnected(name, known.stream);
    const subscription: Subscription = { stream, queue: [] };
    this.#subscriptions.set(name, subscription);
    const resource = this.#current.get(name);
    if (resource === undefined) return;
    subscription.queue.push({ resource, settle: () => {} });
    this.#sendNext(subscription);
  }

  #verdict(subscription: Subscription, { responseNonce, errorDetail }: DiscoveryRequest): void {
    if (subscription.open?.nonce !== responseNonce) return;
    const { resource, settle } = subscription.open.offer;
    subscription.open = undefined;
    const reason = errorDetail?.message;
    if (reason === undefined) {
      this.#taken.set(resource.name, resource);
      this.#current.set(resource.name, resource);
    }
    settle(reason === undefined ? { taken: true } : { taken: false, reason });
    this.#sendNext(subscription);
  }

  #sendNext(subscription: Subscription): void {
    if (subscription.open !== undefined) return;
    const offer = subscription.queue.shift();
    if (offer === undefined) return;
    this.#sent += 1;
    const nonce = String(this.#sent);
    subscription.open = { nonce, offer };
    subscription.stream.send(nonce, offer.resource);
  }
}
