// What the toolkit knows about a filter beside its module: how its settings are checked, where it
// stands in an Envoy, and which parts of Envoy's own configuration depend on its settings. Each
// filter has this in its own `descriptor.ts`; `run`, `up`, `validate` and `build` ask there.

import type { z } from "zod";

/**
 * Where a filter stands: in a listener's chain, which sees each request once, or in a cluster's
 * chain, which sees each attempt.
 */
export type FilterChain = "downstream" | "upstream";

/** A name in a filter's settings, and the path to it: keys and indexes. */
export interface NamedPlace {
  readonly name: string;
  readonly path: readonly PropertyKey[];
}

/** A GET request that a person may try. */
export interface TriedRequest {
  /** Begins with `/`. Default: the path of the gateway's first route. */
  readonly path?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly cookies?: readonly (readonly [name: string, value: string])[];
}

/** A state that holds while a gauge of the filter is above 0. */
export interface FilterState {
  /** As the module defines it, labels included: Envoy shows it behind `wasmcustom.`. */
  readonly gauge: string;
  /** For a person: `orders open`. */
  readonly words: string;
}

/**
 * One filter. Every function gets a configuration that the schema has accepted, and must return the
 * same result for the same configuration.
 */
export interface FilterDescriptor<Config = unknown> {
  /** Its folder below `filters/`, its module's name and its name in configuration files. */
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** What its configuration may be, as a zod 4 schema. Its output must be JSON. */
  readonly schema: z.ZodType<Config>;
  /** Most bytes that its module may have. Default: `DEFAULT_SIZE_BUDGET`. */
  readonly sizeBudget?: number;
  /**
   * The labels of its metrics, which become Envoy's tags: letters, digits and `_`. Default: none.
   */
  readonly metricLabels?: readonly string[];

  /** The chain that it stands in. Default: `downstream`, a listener's. */
  chain?(config: Config): FilterChain;
  /**
   * The destinations that it can choose. If a filter has this function, Envoy's routes follow its
   * header, unless `choosesDestination` says otherwise. Default: it chooses none.
   */
  destinations?(config: Config): readonly NamedPlace[];
  /**
   * Whether this configuration chooses one, so that the routes follow its header. A filter that
   * only replaces what another filter has chosen says no. Default: if it has `destinations`.
   */
  choosesDestination?(config: Config): boolean;
  /**
   * The request header in which it names the destination, in lower case. Default:
   * `x-mesh-destination`.
   */
  destinationHeader?(config: Config): string;
  /**
   * Who may get copies of requests, by the names that it writes into `x-mesh-mirror`: each is one
   * of the destinations that routes know. Default: nobody.
   */
  mirrors?(config: Config): readonly NamedPlace[];
  /** The gRPC services that it calls, each by the name of its cluster. Default: none. */
  grpcServices?(config: Config): readonly NamedPlace[];
  /** The services that it calls over HTTP, each by the name of its cluster. Default: none. */
  httpServices?(config: Config): readonly NamedPlace[];
  /**
   * The settings that Envoy's listeners, routes or clusters repeat, so that only a restart can
   * change them. Each key has the value that holds, also if the key is left out. Default: none.
   */
  restartKeys?(config: Config): Readonly<Record<string, unknown>>;
  /**
   * The name of the data that its plugins in one Envoy share: those that return the same name have
   * the same `vm_id`. Default: undefined, so each plugin has data of its own.
   */
  sharedData?(config: Config): string | undefined;
  /**
   * The settings as they look in the chain of the cluster with this name, where they may say what
   * the filter would otherwise ask Envoy. They must mean the same there, and ask for the same
   * chain. Default: as they are.
   */
  inCluster?(config: Config, cluster: string): Config;
  /**
   * Response headers that are meant for the router, and that clients must not get. Default: none.
   */
  routerHeaders?(config: Config): readonly string[];
  /**
   * Response headers with which it marks, in a cluster's chain, what outlier detection must count
   * as a failure of the host. Name them in `routerHeaders` too. Default: none.
   */
  outlierHeaders?(config: Config): readonly string[];
  /**
   * Conditions of a route's retries that cannot be combined with it. Each has the reason, worded to
   * follow "it". Default: none.
   */
  refusedRetryConditions?(config: Config): Readonly<Record<string, string>>;
  /**
   * The properties of a stream in which it says what it decided; access logs show them. Default:
   * none.
   */
  explainProperties?(config: Config): readonly string[];
  /**
   * The states in which its rules may be, such as open circuits; `up` shows those that hold.
   * Default: none.
   */
  states?(config: Config): readonly FilterState[];
  /** What each rule does, for a person: `all → v2`. Default: its settings as they are. */
  describe?(config: Config): readonly string[];
  /** Requests that its rules treat differently from others. Default: none. */
  tries?(config: Config): readonly TriedRequest[];
}

/** Bytes that a module may have if its filter does not set another number. */
export const DEFAULT_SIZE_BUDGET = 160 * 1024;

/** Returns the descriptor as it is; its functions get the type that the schema gives. */
export function defineFilter<Config>(descriptor: FilterDescriptor<Config>): FilterDescriptor<Config> {
  return descriptor;
}

/** What `explainProperties` gives for settings that have `explainProperty`. */
export function explainPropertyOf(config: {
  readonly explainProperty?: string | undefined;
}): readonly string[] {
  return config.explainProperty === undefined ? [] : [config.explainProperty];
}
