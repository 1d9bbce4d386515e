// Routes and virtual hosts: how a destination's name in a request header becomes a cluster.
import { DESTINATION_HEADER, MIRROR_HEADER } from "../../filters/header-routing/limits.js";
import type { FilterConfigs } from "./filter-by-route.js";
import { type RetryPolicy, type RetryPolicyOptions, retryPolicy } from "./retry-policy.js";
import { duration } from "./typed-config.js";

/**
 * The request headers that carry the destination's name, by default, and the name of who gets a
 * copy.
 */
export { DESTINATION_HEADER, MIRROR_HEADER };

/**
 * The name of the route that takes what no other route takes. No destination can have this name.
 */
export const FALLBACK_ROUTE = "(fallback)";

/**
 * Envoy has removed the header where it does not carry out the upgrade, and has added it to the
 * extended CONNECT of HTTP/2.
 */
const IS_UPGRADE: HeaderMatch = { name: "upgrade", present_match: true };

/** A path, or a request of the method CONNECT, which has none. */
export interface RouteMatch {
  readonly prefix?: string;
  readonly connect_matcher?: Readonly<Record<string, never>>;
  readonly headers?: readonly HeaderMatch[];
}

/** A header that must have a value, or be there at all. */
export type HeaderMatch =
  | { readonly name: string; readonly string_match: { readonly exact: string } }
  | { readonly name: string; readonly present_match: true };

export interface ClusterRoute {
  readonly name: string;
  readonly match: RouteMatch;
  readonly route: {
    readonly cluster: string;
    readonly timeout?: string;
    readonly host_rewrite_literal?: string;
    readonly prefix_rewrite?: string;
    readonly retry_policy?: RetryPolicy;
    readonly hash_policy?: readonly HashPolicy[];
    readonly request_mirror_policies?: readonly MirrorPolicy[];
    readonly upgrade_configs?: readonly object[];
  };
  readonly typed_per_filter_config?: FilterConfigs;
}

export interface DirectResponseRoute {
  readonly match: RouteMatch;
  readonly direct_response: { readonly status: number; readonly body: { readonly inline_string: string } };
}

export type Route = ClusterRoute | DirectResponseRoute;

export interface VirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  readonly routes: readonly Route[];
  readonly include_request_attempt_count?: boolean;
  readonly response_headers_to_remove?: readonly string[];
  readonly typed_per_filter_config?: FilterConfigs;
}

/** What happens to a request once its cluster is known. */
export interface RouteActionOptions {
  /**
   * Seconds until the whole response has arrived, retries and the waits between them included; 0 is
   * no limit. Envoy's default: 15.
   */
  readonly timeoutSeconds?: number;
  readonly retryPolicy?: RetryPolicyOptions;
  /**
   * What `ringHash` and `maglev` of a cluster's load balancer hash: all that a request has of it.
   * Default: nothing, and then they choose at random.
   */
  readonly hashPolicy?: readonly HashPolicy[];
  /** Who gets a copy of some requests. Default: nobody. */
  readonly mirror?: MirrorOptions;
}

/** An entry of Envoy's `RouteAction.hash_policy`. */
export type HashPolicy =
  | { readonly header: { readonly header_name: string } }
  | { readonly cookie: { readonly name: string; readonly ttl?: string; readonly path?: string } }
  | { readonly connection_properties: { readonly source_ip: true } };

export interface MirrorOptions {
  /** The cluster that gets the copies. Its answers are dropped. */
  readonly cluster: string;
  /** 0 to 100, in steps of 0.0001. */
  readonly percentage: number;
}

interface MirrorPolicy {
  readonly cluster: string;
  readonly runtime_fraction: {
    readonly default_value: { readonly numerator: number; readonly denominator: "MILLION" };
  };
}

/** The same, and what filters get for the requests. */
export interface RouteOptions extends RouteActionOptions {
  /** What filters get for these routes, by the filters' names. Default: nothing. */
  readonly filterConfigs?: FilterConfigs;
}

export interface DestinationRoutesOptions extends RouteOptions {
  /** Paths that begin with this. Default: `/`, all. */
  readonly prefix?: string;
  /** The header that names the destination. Default: `DESTINATION_HEADER`. */
  readonly header?: string;
  /** From a destination's name, as the header says it, to the cluster that serves it. */
  readonly destinations: Readonly<Record<string, string>>;
  /** The cluster for a request without the header, or with a name that is not in `destinations`. */
  readonly fallback: string;
  /**
   * From a name that `x-mesh-mirror` may have to the cluster that then gets a copy. The routes are
   * as many times as many. Default: none.
   */
  readonly mirrors?: Readonly<Record<string, string>>;
  /**
   * From a cluster to the one that upgraded connections, such as WebSockets, go to in its place.
   * Default: they go to the same one.
   */
  readonly upgradeClusters?: Readonly<Record<string, string>>;
  /**
   * The host that upstreams get in place of the client's: one for all, or one for each cluster.
   * Default: what the client sent.
   */
  readonly hostRewrite?: string | Readonly<Record<string, string>>;
}

/**
 * One route for each destination, which matches the header's whole value, and after them the
 * fallback's route. Each route is named after its destination (the last: `FALLBACK_ROUTE`); logs
 * and filters can read that name. A cluster with another one for upgrades has two routes of that
 * name.
 */
export function destinationRoutes(options: DestinationRoutesOptions): readonly ClusterRoute[] {
  const { header = DESTINATION_HEADER, destinations, fallback } = options;
  const routes = Object.entries(destinations).flatMap(([name, cluster]) =>
    routesTo(name, cluster, [{ name: header, string_match: { exact: name } }], options),
  );
  return [...routes, ...routesTo(FALLBACK_ROUTE, fallback, [], options)];
}

function routesTo(
  name: string,
  cluster: string,
  headers: readonly HeaderMatch[],
  options: DestinationRoutesOptions,
): readonly ClusterRoute[] {
  const to = (target: string, matched: readonly HeaderMatch[]): ClusterRoute => ({
    name,
    match: { prefix: options.prefix ?? "/", ...(matched.length === 0 ? {} : { headers: matched }) },
    route: { ...routeAction(target, options), ...hostRewrite(options, cluster) },
    ...perFilter(options),
  });
  const upgrades = options.upgradeClusters?.[cluster];
  return [
    ...(upgrades === undefined ? [] : [to(upgrades, [...headers, IS_UPGRADE])]),
    ...mirrorRoutes(to(cluster, headers), options),
    to(cluster, headers),
  ];
}

/** The same route for each name that `x-mesh-mirror` may have, with a copy for the one it names. */
function mirrorRoutes(plain: ClusterRoute, { mirrors = {} }: DestinationRoutesOptions): ClusterRoute[] {
  const { match, route } = plain;
  const others = route.request_mirror_policies ?? [];
  return Object.entries(mirrors)
    .filter(([, cluster]) => cluster !== route.cluster)
    .map(([name, cluster]) => {
      const named: HeaderMatch = { name: MIRROR_HEADER, string_match: { exact: name } };
      const policies = [
        ...others.filter((each) => each.cluster !== cluster),
        policyFor({ cluster, percentage: 100 }),
      ];
      return {
        ...plain,
        match: { ...match, headers: [...(match.headers ?? []), named] },
        route: { ...route, request_mirror_policies: policies },
      };
    });
}

/** A route that sends every path that begins with `prefix` to one cluster. */
export function prefixRoute(
  options: RouteOptions & { readonly name: string; readonly prefix: string; readonly cluster: string },
): ClusterRoute {
  const { name, prefix, cluster } = options;
  return { name, match: { prefix }, route: routeAction(cluster, options), ...perFilter(options) };
}

function perFilter({ filterConfigs = {} }: { readonly filterConfigs?: FilterConfigs }) {
  return Object.keys(filterConfigs).length === 0 ? {} : { typed_per_filter_config: filterConfigs };
}

function routeAction(cluster: string, options: RouteActionOptions): ClusterRoute["route"] {
  const { timeoutSeconds, retryPolicy: retries, hashPolicy = [] } = options;
  return {
    cluster,
    ...(timeoutSeconds === undefined ? {} : { timeout: duration(timeoutSeconds, "timeoutSeconds") }),
    ...(retries === undefined ? {} : { retry_policy: retryPolicy(retries) }),
    ...(hashPolicy.length === 0 ? {} : { hash_policy: hashPolicy }),
    ...mirrorPolicy(cluster, options),
  };
}

/** A cluster that gets the request itself gets no copy of it. */
function mirrorPolicy(cluster: string, { mirror }: RouteActionOptions) {
  if (mirror === undefined || mirror.cluster === cluster) return {};
  return { request_mirror_policies: [policyFor(mirror)] };
}

function policyFor({ cluster, percentage }: MirrorOptions): MirrorPolicy {
  const numerator = Math.round(percentage * 10_000);
  return { cluster, runtime_fraction: { default_value: { numerator, denominator: "MILLION" } } };
}

function hostRewrite({ hostRewrite: rewrite = {} }: DestinationRoutesOptions, cluster: string) {
  const host = typeof rewrite === "string" ? rewrite : rewrite[cluster];
  return host === undefined ? {} : { host_rewrite_literal: host };
}

/**
 * A route that Envoy answers by itself, whatever the path.
 * @param options.status 200 to 599
 */
export function directResponse(options: {
  readonly status: number;
  readonly body: string;
}): DirectResponseRoute {
  return {
    match: { prefix: "/" },
    direct_response: { status: options.status, body: { inline_string: options.body } },
  };
}

export interface VirtualHostOptions {
  readonly name: string;
  /**
   * The hosts it serves, as clients write them (with the port, if they do). Default: every host.
   */
  readonly domains?: readonly string[];
  /** Tried in order; the first that matches decides. */
  readonly routes: readonly Route[];
  /**
   * Adds `x-envoy-attempt-count`, by which upstreams and filters in a cluster's chain know which
   * attempt they see. Default: false.
   */
  readonly includeAttemptCount?: boolean;
  /**
   * Response headers that are removed after the router has read them, so clients do not get them.
   * Default: none.
   */
  readonly removeResponseHeaders?: readonly string[];
  /** What filters get for every route of these hosts, by the filters' names. Default: nothing. */
  readonly filterConfigs?: FilterConfigs;
}

/** The routes of some hosts, or of all. */
export function virtualHost(options: VirtualHostOptions): VirtualHost {
  const { removeResponseHeaders: removed = [] } = options;
  return {
    name: options.name,
    domains: options.domains ?? ["*"],
    routes: options.routes,
    ...(options.includeAttemptCount ? { include_request_attempt_count: true } : {}),
    ...(removed.length === 0 ? {} : { response_headers_to_remove: removed }),
    ...perFilter(options),
  };
}
