// The decision: which rule a request meets, and what that rule does. Pure: it reaches the host only
// through the request view and a clock.

import { Bytes, isGrpcType, Reply } from "../../assembly";
import { MatchList, RequestMatch, RequestView, RuleSelection } from "../../assembly/rules";
import { Delay } from "./delay";
import { ResponseFault } from "./response-fault";
import { TurnCounter, Turns } from "./turns";

/** The outcome of a rule. */
export enum Outcome {
  /** The request waits, and then goes on. */
  Delayed,
  /** The filter answers it, perhaps after a delay. The same holds for the next two. */
  Aborted,
  /** It is held until the client or a timeout ends it. */
  BlackHoled,
  /** Its connection to the upstream fails. */
  TlsFailed,
  /** Its response is spoilt. */
  Response,
  /** The call goes on, and is aborted when its client has sent so many messages. */
  Armed,
}

/** By `Outcome`. */
const OUTCOME_WORDS: StaticArray<string> = [
  "delayed",
  "aborted",
  "black-holed",
  "tls-failed",
  "response",
  "armed",
];

export function outcomeWord(outcome: Outcome): string {
  return OUTCOME_WORDS[outcome];
}

/** The time of day. */
export abstract class TimeOfDay {
  /** Milliseconds since 1970, UTC. */
  abstract milliseconds(): i64;
}

/** When a rule is in force: from the first moment up to the second, which is not included. */
@final
export class Period {
  constructor(
    private readonly from: i64,
    private readonly until: i64,
  ) {}

  /** The clock is read only if there is a bound. */
  includes(clock: TimeOfDay): bool {
    if (this.from == i64.MIN_VALUE && this.until == i64.MAX_VALUE) return true;
    const now = clock.milliseconds();
    return now >= this.from && now < this.until;
  }
}

/** One rule. */
@final
export class Rule {
  /** Which of its requests meet the fault, by number; `null` for all. */
  turns: Turns | null = null;
  /** Numbers the requests, where there are turns. */
  counter: TurnCounter | null = null;
  delay: Delay | null = null;
  // At most one of these.
  abort: Reply | null = null;
  blackHole: bool = false;
  response: ResponseFault | null = null;
  /** The name that Envoy is to expect in the upstream's certificate. */
  expectedName: Bytes | null = null;
  /** After how many messages of a gRPC call the abort comes; 0 if it comes at once. */
  abortAfter: u32 = 0;
  /** The slot of the content type, where messages are counted. */
  private typeSlot: i32 = 0;
  /** Milliseconds after which a black hole answers; 0 for never. */
  limitMs: u32 = 0;
  /** Faults of this rule that may be active at once; 0 for any number. */
  maxActive: u32 = 0;

  constructor(
    /** The rule's place in the list. */
    readonly number: i32,
    readonly selection: RuleSelection,
    readonly period: Period,
  ) {}

  /** The abort comes after so many messages of a gRPC call. */
  abortAfterMessages(messages: u32, typeSlot: i32): void {
    this.abortAfter = messages;
    this.typeSlot = typeSlot;
  }

  get countsMessages(): bool {
    return this.abortAfter > 0;
  }

  /** Whether the request can meet the fault: only a gRPC call has messages. */
  suits(request: RequestView): bool {
    return !this.countsMessages || isGrpcType(request.header(this.typeSlot));
  }

  /** Whether it is the request's turn. It counts the request. */
  takes(request: RequestView): bool {
    const turns = this.turns;
    const counter = this.counter;
    return !turns || (counter != null && turns.isDue(request, counter));
  }

  get outcome(): Outcome {
    if (this.countsMessages) return Outcome.Armed;
    if (this.abort) return Outcome.Aborted;
    if (this.blackHole) return Outcome.BlackHoled;
    if (this.expectedName) return Outcome.TlsFailed;
    return this.response ? Outcome.Response : Outcome.Delayed;
  }
}

/**
 * An ordered list of rules. Only one walk at a time: `first`, then `next` if the rule before was in
 * shadow mode. Allocates nothing.
 */
@final
export class RuleList {
  private readonly matches: MatchList;

  constructor(
    readonly rules: StaticArray<Rule>,
    private readonly clock: TimeOfDay,
  ) {
    const matches = new StaticArray<RequestMatch>(rules.length);
    for (let i = 0; i < rules.length; i++) matches[i] = rules[i].selection.match;
    this.matches = new MatchList(matches);
  }

  /** The first rule that applies to the request, or `null`. */
  first(request: RequestView): Rule | null {
    return this.selected(this.matches.first(request), request);
  }

  /** The next rule that applies, or `null`. */
  next(request: RequestView): Rule | null {
    return this.selected(this.matches.next(request), request);
  }

  private selected(from: i32, request: RequestView): Rule | null {
    for (let i = from; i >= 0; i = this.matches.next(request)) {
      const rule = unchecked(this.rules[i]);
      // Nothing is drawn for a rule that is not in force, and only what is in the share is counted.
      const concerns =
        rule.suits(request) && rule.period.includes(this.clock) && rule.selection.share.includes(request);
      if (concerns && rule.takes(request)) return rule;
    }
    return null;
  }
}
