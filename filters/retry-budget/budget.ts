// One budget of the configuration: which requests count in it, by which policy, and where its books
// are.

import { Bytes } from "../../assembly";
import { DecisionProperty, RuleOutcomes, RuleSelection } from "../../assembly/rules";
import { Books } from "./books";
import { Callers } from "./callers";
import { ConcurrencyBooks } from "./concurrency";
import { Ledger } from "./ledger";
import { Methods, OUTCOMES, Outcome } from "./policy";
import { RatioBooks } from "./ratio";

/** How retries are limited. */
@final
export class Measure {
  constructor(
    readonly isConcurrency: bool,
    /** In hundredths of a per cent. */
    readonly share: u64,
    /** The window of `ratio`, in milliseconds. */
    readonly ttlMs: u64,
    /** Retries per second that are always allowed, or active retries that are. */
    readonly least: u64,
  ) {}

  /** Part of the books' key: new books begin when one of these values changes. */
  get text(): string {
    return this.isConcurrency
      ? `concurrency ${this.share} ${this.least}`
      : `ratio ${this.share} ${this.ttlMs} ${this.least}`;
  }

  /** @param vm tells this VM from others */
  books(vm: u64, callers: Callers): Books {
    if (this.isConcurrency) return new ConcurrencyBooks(this.share, this.least, vm, callers.most);
    return new RatioBooks(this.share, this.ttlMs, this.least);
  }
}

/** A compiled budget. */
@final
export class Budget {
  /** Response code details by `Outcome`, for a refused retry. */
  readonly details: StaticArray<Bytes>;
  private openLedger: Ledger | null = null;
  private outcomes: RuleOutcomes | null = null;

  constructor(
    readonly selection: RuleSelection,
    readonly callers: Callers,
    readonly measure: Measure,
    readonly methods: Methods,
    readonly respectDeadline: bool,
    readonly respectPushback: bool,
    /** Most retries of a request, for a filter in a listener's chain. */
    readonly maxRetries: u32,
  ) {
    const rule = selection.name.toString();
    this.details = [
      Bytes.of(""),
      Bytes.of(`retry_budget_exceeded{${rule}}`),
      Bytes.of(`retry_deadline_exceeded{${rule}}`),
      Bytes.of(`retry_not_allowed{${rule}}`),
      Bytes.of(""),
    ];
  }

  get isShadow(): bool {
    return this.selection.shadow;
  }

  /**
   * Call it once the configuration is accepted: it defines the metrics, and opens the books.
   * @param plugin tells this plugin from others that may share its VM
   * @param vm tells this VM from others
   * @param vmId of the VMs that share the books
   * @param secret 16 bytes that all workers know, but no client
   * @param property gets what is decided
   */
  open(plugin: string, vm: u64, vmId: Bytes, secret: Bytes, property: DecisionProperty | null): void {
    this.callers.seed(secret);
    const rule = this.selection.name;
    const books = this.measure.books(vm, this.callers);
    const ledger = new Ledger(
      [Bytes.of(plugin), rule, Bytes.of(this.measure.text), Bytes.of(this.callers.text)],
      rule.toString(),
      vmId,
      books,
      this.callers,
      this.measure.isConcurrency,
    );
    ledger.showNew();
    this.openLedger = ledger;
    this.outcomes = new RuleOutcomes(
      "meshwright.retry_budget.decisions_total",
      rule,
      OUTCOMES,
      this.isShadow,
      property,
    );
  }

  get ledger(): Ledger {
    return this.openLedger!;
  }

  /** Counts an outcome, as `RuleOutcomes` does. Returns its explanation. */
  count(outcome: Outcome): Bytes {
    const outcomes = this.outcomes!;
    outcomes.count(outcome);
    return outcomes.explanation(outcome);
  }
}
