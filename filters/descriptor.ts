// What the toolkit knows of a filter beside its module: how its settings are checked, where it
// stands in an Envoy, and what of its settings Envoy's own configuration must go along with. Each
// filter says it in a `descriptor.ts` of its own; `run`, `up`, `validate` and `build` ask there.

import type { z } from "zod";

/**
 * Where a filter stands: in a listener's chain, which sees each request once, or in a cluster's,
 * which sees each attempt.
 */
export type FilterChain = "downstream" | "upstream";

/** A name that a filter's settings say, and the way to it: keys and indexes. */
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

/**
 * One filter. Every function gets a configuration that the schema has taken, and must give the same
 * answer for the same configuration.
 */
export interface FilterDescriptor<Config = unknown> {
  /** Its folder below `filters/`, its module's name and its name in configuration files. */
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** What its configuration may be, as a schema of zod 4. Its output must be JSON. */
  readonly schema: z.ZodType<Config>;
  /** Most bytes that its module may have. Default: `DEFAULT_SIZE_BUDGET`. */
  readonly sizeBudget?: number;
  /**
   * The labels of its metrics, which become Envoy's tags: letters, digits and `_`. Default: none of
   * its own.
   */
  readonly metricLabels?: readonly string[];

  /** The chain that it stands in. Default: a listener's, `downstream`. */
  chain?(config: Config): FilterChain;
  /**
   * The destinations that it can choose. A filter that has this function chooses destinations, so
   * that Envoy's routes follow its header. Default: it chooses none.
   */
  destinations?(config: Config): readonly NamedPlace[];
  /**
   * The request header in which it says the destination, in lower case. Default:
   * `x-mesh-destination`.
   */
  destinationHeader?(config: Config): string;
  /** The gRPC services that it calls, each by the name of its cluster. Default: none. */
  grpcServices?(config: Config): readonly NamedPlace[];
  /**
   * The settings that Envoy's listeners, routes or clusters repeat, so that only a restart can
   * change them: by their keys, each with the value that counts where the key is left out. Default:
   * none.
   */
  restartKeys?(config: Config): Readonly<Record<string, unknown>>;
  /**
   * Response headers by which it speaks to the router, and that clients must not get. Default:
   * none.
   */
  routerHeaders?(config: Config): readonly string[];
  /**
   * Conditions of a route's retries that do not go with it, each with the reason, which goes on
   * from "it". Default: all go with it.
   */
  refusedRetryConditions?(config: Config): Readonly<Record<string, string>>;
  /**
   * Its rules, each with what it does, for a person: `all → v2`. Default: its settings as they are.
   */
  describe?(config: Config): readonly string[];
  /** Requests that its rules treat unlike others. Default: none. */
  tries?(config: Config): readonly TriedRequest[];
}

/** Bytes that a module may have where its filter does not say otherwise. */
export const DEFAULT_SIZE_BUDGET = 128 * 1024;

/** The descriptor as it stands; its functions get the type that the schema gives. */
export function defineFilter<Config>(descriptor: FilterDescriptor<Config>): FilterDescriptor<Config> {
  return descriptor;
}
