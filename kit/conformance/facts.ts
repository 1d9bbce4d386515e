// What an author tells the suite about a filter.

import type { ClientRequest, UpstreamResponse } from "../traffic.js";

/** What the suite cannot find out about a filter by itself. */
export interface FilterFacts {
  /**
   * Configurations that the filter accepts, at least one. Together they should use every option.
   */
  readonly accepted: readonly unknown[];
  /**
   * Configurations that each have one fault, and its place, such as `rules[0].name`. The place of
   * the whole document is `configuration`.
   */
  readonly refused: readonly (readonly [document: unknown, path: string])[];
  /**
   * Requests that together reach every decision, and so every metric that the README lists. Random
   * requests are made from them too. Default: random requests, made from what the accepted
   * configurations name.
   */
  readonly requests?: readonly FilterRequest[];
  /**
   * Why one stream may change the outcome of the next, such as "a rate limit counts". Default: it
   * may not, and the suite checks that streams have the same outcome whatever was served before
   * them and beside them.
   */
  readonly remembers?: string;
  /**
   * Whether streams of this configuration do so; those of the others are compared. Default: with
   * `remembers`, all do.
   */
  readonly remembersWith?: (configuration: unknown) => boolean;
}

/** Whether one stream of that configuration may change the outcome of the next. */
export function doesRemember(facts: FilterFacts, configuration: unknown): boolean {
  const { remembers, remembersWith = () => true } = facts;
  return remembers !== undefined && remembersWith(configuration);
}

/** A request and its surroundings. */
export interface FilterRequest extends ClientRequest {
  /** The filter's configuration when the request comes. Default: the first of `accepted`. */
  readonly configuration?: unknown;
  /** What the upstream answers. Default: 200 without a body. */
  readonly response?: Pick<UpstreamResponse, "status" | "headers" | "body" | "trailers">;
  /**
   * How often the request is sent, one after the other, before the metrics are read. Default: 1.
   */
  readonly times?: number;
  /**
   * The answer to calls that the filter itself makes while the request waits: HTTP calls get this
   * body with status 200, gRPC calls this message. Default: the calls fail once the stream is over.
   */
  readonly answer?: string | Uint8Array;
  /**
   * Host calls that fail meanwhile, with the status that they return. With `{
   * proxy_set_shared_data: 4 }` other workers always come first.
   */
  readonly failing?: Readonly<Record<string, number>>;
  /** Property values by path, such as `source.address`. Stock Envoy uses its own values. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
}
