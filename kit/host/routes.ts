// Which upstream a request goes to, and how much time it has: what `destinationRoutes` tells Envoy,
// and what filters say in headers.

import {
  DESTINATION_HEADER,
  type DestinationRoutesOptions,
  FALLBACK_ROUTE,
} from "../../envoy/config/route.js";
import { HeaderMap } from "./header-map.js";
import { type RetryRules, retryRules } from "./retry.js";

export type RouteOptions = Omit<DestinationRoutesOptions, "destinations" | "fallback">;

export interface Route {
  readonly name: string;
  readonly cluster: string;
}

export interface Limits {
  /** In milliseconds from the request's end, 0 for no limit. */
  readonly timeoutMs: number;
  /** The same for each attempt. */
  readonly perTryMs: number;
  readonly retries: RetryRules | undefined;
}

const DEFAULT_TIMEOUT_S = 15;
/** Headers that the router removes. */
const CONSUMED = [
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-retriable-status-codes",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-retriable-header-names",
] as const;

export class Routes {
  private readonly header: string;
  private readonly known: ReadonlyMap<string, Route>;
  private readonly fallback: Route;
  /** The limits of a request whose headers say nothing else. */
  private readonly ownLimits: Limits;

  constructor(
    private readonly options: RouteOptions,
    destinations: readonly string[],
    fallback: string,
  ) {
    this.header = (options.header ?? DESTINATION_HEADER).toLowerCase();
    this.known = new Map(destinations.map((name) => [name, { name, cluster: name }]));
    this.fallback = { name: FALLBACK_ROUTE, cluster: fallback };
    this.ownLimits = this.limitsBy(new HeaderMap([]));
  }

  /** Repeats of the header count as one, joined, as for Envoy's matcher. */
  routeOf(headers: HeaderMap): Route {
    const name = headers.joined(this.header);
    return (name === undefined ? undefined : this.known.get(name)) ?? this.fallback;
  }

  /**
   * Reads the limits, and removes the headers that the router reads. Adds a header that tells the
   * upstream how much time it has.
   */
  limitsOf(headers: HeaderMap): Limits {
    const limits = headers.entries.some(isEnvoys) ? this.limitsBy(headers) : this.ownLimits;
    const expected = limits.perTryMs > 0 ? limits.perTryMs : limits.timeoutMs;
    if (expected > 0) headers.set("x-envoy-expected-rq-timeout-ms", `${expected}`);
    return limits;
  }

  private limitsBy(headers: HeaderMap): Limits {
    const { timeoutSeconds = DEFAULT_TIMEOUT_S, retryPolicy } = this.options;
    const timeoutMs = wholeNumber(headers.get(CONSUMED[0])) ?? timeoutSeconds * 1000;
    const wanted = wholeNumber(headers.get(CONSUMED[1])) ?? (retryPolicy?.perTryTimeoutSeconds ?? 0) * 1000;
    const perTryMs = wanted >= timeoutMs && timeoutMs !== 0 ? 0 : wanted;
    const retries = retryRules(headers, retryPolicy);
    for (const name of CONSUMED) headers.remove(name);
    return { timeoutMs, perTryMs, retries };
  }

  /** Sets the host that the upstream gets. */
  rewriteHost(headers: HeaderMap, cluster: string): void {
    const { hostRewrite } = this.options;
    const host = typeof hostRewrite === "string" ? hostRewrite : hostRewrite?.[cluster];
    if (host === undefined) return;
    const original = headers.get(":authority") ?? "";
    headers.set(":authority", host);
    if (original !== host) headers.set("x-envoy-original-host", original);
  }
}

function isEnvoys([name]: readonly [string, string]): boolean {
  return name.startsWith("x-envoy-");
}

/** The number in a header; undefined when it is not a whole number. */
export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
