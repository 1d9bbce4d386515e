// A rule: from the configuration, and at work.

import { Bytes, defineMetric, incrementMetric, MetricType, metricName } from "../../assembly";
import {
  BytesTable,
  DecisionProperty,
  hash64,
  RuleKey,
  RuleOutcomes,
  RuleSelection,
} from "../../assembly/rules";
import { Answers, KEEP_WORDS, KeepOutcome } from "./answers";
import { KeepPolicy } from "./keep";
import { outcomeWords, ServePolicy } from "./policy";

const PREFIX = "meshwright.fallback.";
const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/** A rule from the configuration. */
@final
export class RulePolicy {
  constructor(
    readonly selection: RuleSelection,
    /** What belongs to the key beside scheme, host and path. */
    readonly key: RuleKey,
    /** Whether only the parameters of `key` count, and not the whole query. */
    readonly hasNamedQuery: bool,
    /** The headers of `key`: a response may vary by them. */
    readonly keyHeaders: BytesTable,
    readonly answers: u32,
    readonly keep: KeepPolicy,
    readonly serve: ServePolicy,
    /** In seconds. */
    readonly maxAge: u64,
    /** For how long an answer may be stale that does not say so itself, in seconds. */
    readonly staleIfError: u64,
    /**
     * How long a call for a newer answer may take, in milliseconds; 0 if there is no answer before
     * the upstream's.
     */
    readonly revalidateMs: u64,
  ) {}
}

/** Make it once the configuration is accepted: it defines metrics. */
@final
export class Rule {
  readonly answers: Answers;
  readonly outcomes: RuleOutcomes;
  /** By reason: what `cache-status` says. */
  readonly reasonWords: StaticArray<Bytes>;
  /** Tells the rule's keys from those of other rules. */
  readonly salt: u64;
  /** The response code details of a kept answer. */
  readonly details: Bytes;
  /** By `KeepOutcome`. */
  private readonly keeps: StaticArray<u32> = new StaticArray<u32>(KEEP_WORDS.length);

  /**
   * @param plugin the plugin's name: rules of one name in plugins of one name and one `vm_id` share
   * their answers
   */
  constructor(
    readonly policy: RulePolicy,
    plugin: Bytes,
    property: DecisionProperty | null,
  ) {
    const name = policy.selection.name;
    const label = name.toString();
    const keep = policy.keep;
    const reasons = policy.serve.reasonWords();
    this.reasonWords = StaticArray.fromArray(reasons.map<Bytes>((word) => Bytes.of(word)));
    this.salt = hash64(0, name.ptr, name.size);
    this.answers = new Answers(
      [plugin, name],
      policy.answers,
      policy.maxAge * NANOSECONDS_PER_SECOND,
      keep.refreshNs,
    );
    this.outcomes = new RuleOutcomes(
      `${PREFIX}decisions_total`,
      name,
      outcomeWords(reasons),
      policy.selection.shadow,
      property,
    );
    this.details = Bytes.of(`fallback_served{${label}}`);
    for (let i = 0; i < KEEP_WORDS.length; i++) {
      const metric = metricName(`${PREFIX}answers_total`, ["rule", label, "outcome", KEEP_WORDS[i]]);
      this.keeps[i] = defineMetric(MetricType.Counter, metric);
    }
  }

  get isShadow(): bool {
    return this.policy.selection.shadow;
  }

  /** Counts what became of an answer that was to be kept. One host call. */
  countKeep(outcome: KeepOutcome): void {
    incrementMetric(unchecked(this.keeps[outcome]), 1);
  }
}
