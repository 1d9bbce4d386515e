// What becomes of a request, in words, and why a kept answer takes the place of another one. Pure.

import { Bytes, ResponseFlag } from "../../assembly";
import { MAX_FAILED_STATUS, MIN_FAILED_STATUS, NETWORK_FAILURES } from "./limits";

/** What became of a request. `Served` and those after it have a reason each. */
export enum Outcome {
  /** It got the answer of its own. */
  Passed,
  /** It failed, and no answer to it was kept. */
  Missed,
  /** It failed, and the kept answer is too old. */
  Expired,
  /** The rule neither keeps nor serves answers to requests of its kind. */
  Skipped,
  /** It got the kept answer at once, which was fresh. */
  Fresh,
  /** It got the kept answer at once, and somebody asks for a newer one. */
  Meanwhile,
  Served,
}

const WORDS: StaticArray<string> = [
  "passed",
  "missed",
  "expired",
  "skipped",
  "served-fresh",
  "served-meanwhile",
];

/** The words of a rule's outcomes, in the order of `Outcome` and of the rule's reasons. */
export function outcomeWords(reasons: StaticArray<string>): StaticArray<string> {
  return WORDS.concat<StaticArray<string>>(
    StaticArray.fromArray(reasons.map<string>((reason) => "served-" + reason)),
  );
}

/** Why a kept answer is served. Local replies of other filters follow, in the rule's order. */
export enum Reason {
  None = -1,
  Status,
  Network,
}

/** The first number of the reasons that are local replies. */
const LOCAL_REPLIES: i32 = Reason.Network + NETWORK_FAILURES.length;

/** The flags of each word of `NETWORK_FAILURES`, in their order. */
const NETWORK_FLAGS: StaticArray<i64> = [
  ResponseFlag.REFUSED,
  ResponseFlag.RESET,
  ResponseFlag.TIMEOUT,
  ResponseFlag.NO_HEALTHY_HOST,
  ResponseFlag.UO,
];

/** Every failure that Envoy and the filters report by an answer of their own has such a status. */
const SERVER_ERROR: i64 = 500;
const VIA_UPSTREAM = Bytes.of("via_upstream");
const OPENING_BRACE: u8 = 0x7b;

/** What Envoy knows of a response, asked only where it matters. */
export abstract class ResponseFacts {
  abstract flags(): i64;

  /** The response code details, or `null`. */
  abstract details(): Bytes | null;
}

/** Whether the request had gone on towards the upstream: another filter refused it otherwise. */
export function isForwarded(reason: i32): bool {
  return reason < LOCAL_REPLIES;
}

/** In place of which answers a rule serves a kept one. */
@final
export class ServePolicy {
  private readonly statuses: StaticArray<bool> = new StaticArray<bool>(
    MAX_FAILED_STATUS - MIN_FAILED_STATUS + 1,
  );
  private readonly network: StaticArray<bool> = new StaticArray<bool>(NETWORK_FAILURES.length);

  /** @param localReplies details of other filters' answers, before their first brace */
  constructor(private readonly localReplies: StaticArray<Bytes>) {}

  /** The words of the reasons, in their order. */
  reasonWords(): StaticArray<string> {
    const words: string[] = ["status"];
    for (let i = 0; i < NETWORK_FAILURES.length; i++) words.push(NETWORK_FAILURES[i]);
    for (let i = 0; i < this.localReplies.length; i++) words.push(this.localReplies[i].toString());
    return StaticArray.fromArray(words);
  }

  addStatus(status: i32): void {
    this.statuses[status - MIN_FAILED_STATUS] = true;
  }

  /** @param word its place in `NETWORK_FAILURES` */
  addNetwork(word: i32): void {
    this.network[word] = true;
  }

  lists(status: i64): bool {
    if (status < MIN_FAILED_STATUS || status > MAX_FAILED_STATUS) return false;
    return unchecked(this.statuses[<i32>status - MIN_FAILED_STATUS]);
  }

  /**
   * Why a kept answer takes this one's place, `Reason.None` if it does not. An answer of another
   * filter is replaced only if the rule lists it: one that refuses a client must reach it.
   */
  reasonFor(status: i64, facts: ResponseFacts): i32 {
    const isListed = this.lists(status);
    if (!isListed && status < SERVER_ERROR) return Reason.None;
    const details = facts.details();
    if (!details) return Reason.None;
    if (details.equals(VIA_UPSTREAM)) return isListed ? Reason.Status : Reason.None;
    const reply = this.localReplyOf(details);
    return reply >= 0 ? LOCAL_REPLIES + reply : this.networkReason(facts.flags());
  }

  private localReplyOf(details: Bytes): i32 {
    const brace = details.indexOf(OPENING_BRACE);
    const size = brace < 0 ? details.size : brace;
    for (let i = 0; i < this.localReplies.length; i++) {
      const name = unchecked(this.localReplies[i]);
      if (name.size == size && details.startsWith(name)) return i;
    }
    return -1;
  }

  private networkReason(flags: i64): i32 {
    for (let i = 0; i < NETWORK_FLAGS.length; i++) {
      if ((flags & unchecked(NETWORK_FLAGS[i])) != 0) {
        return unchecked(this.network[i]) ? Reason.Network + i : Reason.None;
      }
    }
    return Reason.None;
  }
}
