// How a cluster chooses one of its endpoints for each request.
import { duration } from "./typed-config.js";

export interface LoadBalancerOptions {
  /** Default: `roundRobin`. */
  readonly policy?: LoadBalancerPolicy;
  /** Of how many endpoints, chosen at random, `leastRequest` takes the least busy. Envoy's: 2. */
  readonly choiceCount?: number;
  /** How many entries a ring of hashes has at least. Envoy's: 1024. */
  readonly minimumRingSize?: number;
  /** Envoy's: 8,388,608, which is the most that it takes. */
  readonly maximumRingSize?: number;
  /** The size of Maglev's table, a prime number up to 5,000,011. Envoy's: 65,537. */
  readonly tableSize?: number;
  /** How long a new endpoint gets fewer requests than the others. Default: it does not. */
  readonly slowStartSeconds?: number;
  /** Below this share of healthy endpoints, in percent, all get requests. Envoy's: 50. */
  readonly panicThreshold?: number;
  /**
   * How long workers wait for further changes of endpoints' health, to take them in one; 0 is not
   * at all. Envoy's: 1.
   */
  readonly updateMergeSeconds?: number;
  /** Whether the endpoints' zones have weights. Default: false. */
  readonly weighsZones?: boolean;
}

export type LoadBalancerPolicy = keyof typeof POLICIES;

const POLICIES = {
  roundRobin: "ROUND_ROBIN",
  leastRequest: "LEAST_REQUEST",
  random: "RANDOM",
  ringHash: "RING_HASH",
  maglev: "MAGLEV",
} as const;

/** The fields of Envoy's `Cluster` that choose an endpoint. */
export interface LoadBalancing {
  /** `CLUSTER_PROVIDED`: the kind of cluster decides. */
  readonly lb_policy?: (typeof POLICIES)[LoadBalancerPolicy] | "CLUSTER_PROVIDED";
  readonly round_robin_lb_config?: object;
  readonly least_request_lb_config?: object;
  readonly ring_hash_lb_config?: object;
  readonly maglev_lb_config?: object;
  readonly common_lb_config?: object;
}

export function loadBalancing(options: LoadBalancerOptions = {}): LoadBalancing {
  const { policy } = options;
  return {
    ...(policy === undefined ? {} : { lb_policy: POLICIES[policy] }),
    ...ofPolicy(options),
    ...common(options),
  };
}

function ofPolicy(options: LoadBalancerOptions): LoadBalancing {
  const { choiceCount, minimumRingSize, maximumRingSize, tableSize } = options;
  switch (options.policy ?? "roundRobin") {
    case "roundRobin":
      return named("round_robin_lb_config", slowStart(options));
    case "leastRequest":
      return named("least_request_lb_config", { choice_count: choiceCount, ...slowStart(options) });
    case "ringHash": {
      const sizes = { minimum_ring_size: minimumRingSize, maximum_ring_size: maximumRingSize };
      return named("ring_hash_lb_config", sizes);
    }
    case "maglev":
      return named("maglev_lb_config", { table_size: tableSize });
    case "random":
      return {};
  }
}

function named(name: string, fields: Readonly<Record<string, unknown>>): LoadBalancing {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return given.length === 0 ? {} : { [name]: Object.fromEntries(given) };
}

function slowStart({ slowStartSeconds: seconds }: LoadBalancerOptions) {
  if (seconds === undefined) return {};
  return { slow_start_config: { slow_start_window: duration(seconds, "slowStartSeconds") } };
}

function common(options: LoadBalancerOptions): LoadBalancing {
  const { panicThreshold, updateMergeSeconds: merge, weighsZones } = options;
  return named("common_lb_config", {
    update_merge_window: merge === undefined ? undefined : duration(merge, "updateMergeSeconds"),
    healthy_panic_threshold: panicThreshold === undefined ? undefined : { value: panicThreshold },
    locality_weighted_lb_config: weighsZones === true ? {} : undefined,
  });
}
