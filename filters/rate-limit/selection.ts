// The first stages of the pipeline: which rules count a request, under which key, at which cost.

import { Bytes } from "../../assembly";
import { RequestView, RuleSelection, SelectionList } from "../../assembly/rules";
import { Charges } from "./charge";
import { Decision } from "./decision";
import { NEVER } from "./local/limit";
import { Outcome } from "./outcomes";
import { Missing } from "./policy";
import { Rule } from "./rule";

/** One for a plugin. */
@final
export class Selection {
  private readonly selections: SelectionList;

  /** @param seed 16 bytes that no client knows */
  constructor(
    private readonly rules: StaticArray<Rule>,
    private readonly request: RequestView,
    private readonly seed: Bytes,
  ) {
    const selections = new StaticArray<RuleSelection>(rules.length);
    for (let i = 0; i < rules.length; i++) selections[i] = rules[i].policy.selection;
    this.selections = new SelectionList(selections);
  }

  /**
   * Fills `charges` for the current request. A rule that does not count the request, but has an
   * outcome to report, is settled here.
   */
  select(charges: Charges, decision: Decision): void {
    charges.clear();
    const selections = this.selections;
    for (let i = selections.first(this.request); i >= 0; i = selections.next(this.request)) {
      this.charge(unchecked(this.rules[i]), charges, decision);
    }
  }

  private charge(rule: Rule, charges: Charges, decision: Decision): void {
    const policy = rule.policy;
    const exempt = policy.exempt;
    if (exempt && exempt.has(this.request)) {
      rule.settle(Outcome.Exempt, decision);
      return;
    }
    const isWhole = policy.key.read(this.request, this.seed);
    if (!isWhole && policy.missing != Missing.Share) {
      miss(rule, decision);
      return;
    }
    const charge = charges.add(rule, rule.local);
    charge.hash = policy.key.hash;
    charge.cost = policy.cost.of(this.request);
    charge.isOwed = policy.price != null;
    charge.isWhole = isWhole;
    charge.passed = Outcome.Allowed;
    charge.awaitsService = policy.global != null;
  }
}

function miss(rule: Rule, decision: Decision): void {
  const skips = rule.policy.missing == Missing.Skip;
  rule.settle(skips ? Outcome.Skipped : Outcome.Denied, decision);
  if (!skips && !rule.isShadow) decision.refuse(rule.number, Outcome.Denied, NEVER);
}
