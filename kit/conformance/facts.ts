// What an author tells the suite of a filter.

import type { ClientRequest, UpstreamResponse } from "../traffic.js";

/** What the suite cannot know by itself of a filter. */
export interface FilterFacts {
  /** Configurations that the filter takes: at least one; together they should use every option. */
  readonly accepted: readonly unknown[];
  /**
   * Configurations each with one thing wrong, and where: `rules[0].name`; the whole document is
   * `configuration`.
   */
  readonly refused: readonly (readonly [document: unknown, path: string])[];
  /**
   * Requests that between them reach every decision, and so every metric that the README lists;
   * random requests are made out of them too. Default: random ones, made of what the accepted
   * configurations name.
   */
  readonly requests?: readonly FilterRequest[];
  /**
   * Why what one stream did may change what comes of the next, such as "a rate limit counts".
   * Default: it may not, and the suite checks that streams come out alike whatever was served
   * before them and beside them.
   */
  readonly remembers?: string;
}

/** A request, and what surrounds it. */
export interface FilterRequest extends ClientRequest {
  /** The filter's configuration when it comes. Default: the first of `accepted`. */
  readonly configuration?: unknown;
  /** What the upstream answers. Default: 200 without a body. */
  readonly response?: Pick<UpstreamResponse, "status" | "headers" | "body" | "trailers">;
  /**
   * How often it comes, one after the other, before it is looked at what was counted. Default: 1.
   */
  readonly times?: number;
  /**
   * What calls of the filter's own are answered with while the request waits: HTTP calls with this
   * body and status 200, gRPC calls with this message. Default: they fail once the stream is over.
   */
  readonly answer?: string | Uint8Array;
  /**
   * Host calls that fail meanwhile, with the status they give: `{ proxy_set_shared_data: 4 }` for a
   * worker that others always come before.
   */
  readonly failing?: Readonly<Record<string, number>>;
  /** Property values by path, such as `source.address`. Stock Envoy has its own. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
}
