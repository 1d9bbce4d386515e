// The rules that count one request, each with the request's key, its cost, and the limit of this
// Envoy that applies.

import { ConcurrencyLimit } from "./concurrency/limit";
import { LocalLimit } from "./local/limit";
import { Outcome } from "./outcomes";
import { Rule } from "./rule";

/** One rule that counts the request. */
@final
export class Charge {
  /** The hash of the request's key, `RuleKey.hash`. */
  hash: u64 = 0;
  cost: u32 = 0;
  /** Whether the request has all parts of the rule's key. */
  isWhole: bool = false;
  /** `null` if this Envoy has no limit for the rule at this stage. */
  limit: LocalLimit | null = null;
  /** The rule's outcome if `limit` lets the request pass. */
  passed: Outcome = Outcome.Allowed;
  /** `null` unless the rule limits the requests in flight. */
  concurrency: ConcurrencyLimit | null = null;
  /** The answer says the cost: the limit is only asked whether anything is left. */
  isOwed: bool = false;
  /** If `limit` lets the request pass, the service decides the rule's outcome. */
  awaitsService: bool = false;

  constructor(public rule: Rule) {}

  /** The limit of this Envoy, if the rule is not in shadow mode. */
  get actingLimit(): LocalLimit | null {
    return this.rule.isShadow ? null : this.limit;
  }
}

/**
 * A list that serves one request after another. It grows to the most charges that one request had.
 */
@final
export class Charges {
  count: i32 = 0;
  /** How many of them have a limit of this Envoy and a rule that is not in shadow mode. */
  acting: i32 = 0;
  private readonly items: Array<Charge> = [];

  clear(): void {
    this.count = 0;
    this.acting = 0;
  }

  /** @param i in [0, count) */
  at(i: i32): Charge {
    return unchecked(this.items[i]);
  }

  /** Adds a charge of the rule. The caller sets its key, its cost, and the outcome for passing. */
  add(rule: Rule, limit: LocalLimit | null): Charge {
    if (this.count == this.items.length) this.items.push(new Charge(rule));
    const charge = unchecked(this.items[this.count++]);
    charge.rule = rule;
    charge.limit = limit;
    charge.concurrency = rule.concurrency;
    if ((limit || rule.concurrency) && !rule.isShadow) this.acting++;
    return charge;
  }
}
