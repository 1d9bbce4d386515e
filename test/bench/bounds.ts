// What the figures must show, and whether they do.

import type { Summary } from "./summary.js";
import { NAMES } from "./variants.js";

/** A promise: one variant costs at most this many times another. */
interface Bound {
  readonly claim: string;
  readonly variant: string;
  readonly against: string;
  readonly atMost: number;
}

/** A promise compared with the figures. */
export interface Verdict {
  readonly claim: string;
  /** The cost of one variant as a multiple of the other's. */
  readonly measured: number;
  readonly atMost: number;
  readonly held: boolean;
}

const BOUNDS: readonly Bound[] = [
  {
    claim: "the SDK is free: add a header, against the same by hand",
    variant: NAMES.addOurs,
    against: NAMES.addByHand,
    atMost: 1.1,
  },
  {
    claim: "add a header, against the Rust SDK",
    variant: NAMES.addOurs,
    against: NAMES.addRust,
    atMost: 0.8,
  },
  {
    claim: "add a header, against @solo-io/proxy-runtime",
    variant: NAMES.addOurs,
    against: NAMES.addSolo,
    atMost: 0.45,
  },
  {
    claim: "a filter pays for what it does: one callback and one host call, against the same by hand",
    variant: NAMES.readOurs,
    against: NAMES.readByHand,
    atMost: 1.1,
  },
  {
    claim: "a route without the filter, where another route has it",
    variant: NAMES.anotherRoute,
    against: NAMES.yardstick,
    atMost: 0.1,
  },
  {
    claim: "a route without the filter, in the upstream chain",
    variant: NAMES.anotherRouteUpstream,
    against: NAMES.idleUpstream,
    atMost: 0.1,
  },
  {
    claim: "header-routing, ten typical rules",
    variant: NAMES.tenRules,
    against: NAMES.yardstick,
    atMost: 1.5,
  },
  {
    claim: "header-routing, ten typical rules, against its host calls by hand",
    variant: NAMES.tenRules,
    against: NAMES.routingByHand,
    atMost: 1.2,
  },
  {
    claim: "header-routing, one rule",
    variant: NAMES.oneRule,
    against: NAMES.yardstick,
    atMost: 1.4,
  },
  {
    claim: "header-routing, one rule, against its host calls by hand",
    variant: NAMES.oneRule,
    against: NAMES.oneRuleByHand,
    atMost: 1.2,
  },
  {
    claim: "fault-injection, ten rules of which none matches",
    variant: NAMES.tenFaults,
    against: NAMES.yardstick,
    atMost: 1.3,
  },
  {
    claim: "retry-budget, ratio, of a named cluster",
    variant: NAMES.budgetNamed,
    against: NAMES.yardstick,
    atMost: 2,
  },
  {
    claim: "retry-budget, ratio, of a named cluster, against its host calls by hand",
    variant: NAMES.budgetNamed,
    against: NAMES.budgetByHand,
    atMost: 1.2,
  },
  {
    claim: "retry-budget, concurrency",
    variant: NAMES.budgetConcurrency,
    against: NAMES.yardstick,
    atMost: 2.6,
  },
  {
    claim: "trace-headers, W3C in and out",
    variant: NAMES.traceIn,
    against: NAMES.yardstick,
    atMost: 2,
  },
  { claim: "trace-headers, a new trace", variant: NAMES.traceNew, against: NAMES.yardstick, atMost: 2 },
  {
    claim: "trace-headers, against its host calls by hand",
    variant: NAMES.traceIn,
    against: NAMES.traceByHand,
    atMost: 1.2,
  },
  { claim: "rate-limit, one key", variant: NAMES.limit, against: NAMES.yardstick, atMost: 2 },
  {
    claim: "rate-limit, one key, against its host calls by hand",
    variant: NAMES.limit,
    against: NAMES.limitByHand,
    atMost: 1.2,
  },
  {
    claim: "rate-limit, one key, with leases",
    variant: NAMES.limitLease,
    against: NAMES.yardstick,
    atMost: 1.5,
  },
  {
    claim: "rate-limit, a lease held, against its host calls by hand",
    variant: NAMES.limitLease,
    against: NAMES.leaseByHand,
    atMost: 1.2,
  },
  {
    claim: "rate-limit, five keys, against its host calls by hand",
    variant: NAMES.fiveLimits,
    against: NAMES.fiveLimitsByHand,
    atMost: 1.2,
  },
  { claim: "deadline", variant: NAMES.deadline, against: NAMES.yardstick, atMost: 1.8 },
  {
    claim: "deadline, against its host calls by hand",
    variant: NAMES.deadline,
    against: NAMES.deadlineByHand,
    atMost: 1.2,
  },
  {
    claim: "circuit-breaker, against its host calls by hand",
    variant: NAMES.circuit,
    against: NAMES.circuitByHand,
    atMost: 1.2,
  },
  {
    claim: "circuit-breaker, a closed circuit",
    variant: NAMES.circuit,
    against: NAMES.yardstick,
    atMost: 2,
  },
  {
    claim: "our filters in one module, against a chain of native ones",
    variant: NAMES.ourBundle,
    against: NAMES.nativeChain,
    atMost: 1,
  },
  {
    claim: "our filters in one module, against the same two as modules in a chain",
    variant: NAMES.ourBundle,
    against: NAMES.ourChain,
    atMost: 0.75,
  },
  {
    claim: "our filters in one module, against their host calls by hand",
    variant: NAMES.ourBundle,
    against: NAMES.bundleByHand,
    atMost: 1.2,
  },
  {
    claim: "1,000 equality rules on one header, against one",
    variant: NAMES.thousandRules,
    against: NAMES.oneRule,
    atMost: 1.5,
  },
];

/** A verdict for each promise whose variants were measured. */
export function judge({ figures }: Summary): readonly Verdict[] {
  const over = (name: string) => figures.find((figure) => figure.name === name)?.over;
  return BOUNDS.flatMap(({ claim, variant, against, atMost }) => {
    const [cost, yardstick] = [over(variant), over(against)];
    if (cost === undefined || yardstick === undefined) return [];
    const measured = cost / yardstick;
    return [{ claim, measured, atMost, held: measured <= atMost }];
  });
}
