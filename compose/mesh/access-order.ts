// Which of a service's rules decides. They mean what Consul's intentions mean: rules that name a
// caller hide those for everybody, and the most specific of those that match a call decides; the
// mesh's default decides a call that none matches.

import { type AccessedService, type AccessRule, ANYBODY } from "./access.js";

/** One rule, for one of its paths. */
export interface OrderedRule {
  readonly action: "allow" | "deny";
  /** Its index in its list. */
  readonly index: number;
  readonly from: string;
  /** Undefined: every method. */
  readonly methods: readonly string[] | undefined;
  /** Undefined: every path. */
  readonly path: string | undefined;
}

/** The rules in the order in which the first that matches decides. */
export function orderedRules({ allow = [], deny = [] }: AccessedService): readonly OrderedRule[] {
  return [...deny.flatMap(partsOf("deny")), ...allow.flatMap(partsOf("allow"))].sort(compare);
}

/** The callers that have rules of their own. */
export function namedCallers(rules: readonly { readonly from: string }[]): readonly string[] {
  return [...new Set(rules.map(({ from }) => from))].filter((from) => from !== ANYBODY);
}

function partsOf(action: OrderedRule["action"]) {
  return ({ from, methods, paths }: AccessRule, index: number): OrderedRule[] => {
    const all = paths === undefined || paths.includes("/") ? [undefined] : paths;
    return all.map((path) => ({ action, index, from, methods, path }));
  };
}

/** A caller before everybody, a longer path before a shorter one, a method, then a refusal. */
function compare(one: OrderedRule, other: OrderedRule): number {
  return (
    Number(one.from === ANYBODY) - Number(other.from === ANYBODY) ||
    (other.path ?? "").length - (one.path ?? "").length ||
    Number(one.methods === undefined) - Number(other.methods === undefined) ||
    Number(one.action === "allow") - Number(other.action === "allow")
  );
}
