// What a rule says about a request before any limit is asked: whether the rule counts it, and as
// what.

import { Callback } from "../../assembly";
import {
  Address,
  AddressRanges,
  RequestMatch,
  RequestView,
  RuleKey,
  RuleSelection,
} from "../../assembly/rules";
import { ConcurrencyPolicy } from "./concurrency/limit";
import { LocalPolicy } from "./local/limit";
import { Price, PriceSource } from "./price/price";
import { GlobalRule } from "./service/request";
import { wholeNumber } from "./whole-number";

/**
 * What happens to a request that lacks a part of the key, in the order of the configuration's
 * words.
 */
export enum Missing {
  Skip,
  Share,
  Deny,
}

/** What a rule's limit counts. */
export enum Counted {
  Requests,
  /** What a header or an answer counts in. */
  Tokens,
  Answers,
}

/** How much a request costs. */
@final
export class Cost {
  constructor(
    /** The slot of the header that gives the cost; -1 if none does. */
    private readonly slot: i32,
    /** The cost if no header gives it. */
    private readonly otherwise: u32,
    private readonly most: u32,
  ) {}

  get isInHeader(): bool {
    return this.slot >= 0;
  }

  /** The request's cost. A header that is not a whole number of at least 0 counts as absent. */
  of(request: RequestView): u32 {
    if (this.slot < 0) return this.otherwise;
    const value = request.header(this.slot);
    const number = value ? wholeNumber(value, this.most) : -1;
    return number < 0 ? this.otherwise : <u32>number;
  }
}

/** Requests that a rule does not count. */
@final
export class Exemptions {
  private readonly address: Address = new Address();

  constructor(
    private readonly clients: AddressRanges | null,
    private readonly matches: StaticArray<RequestMatch>,
  ) {}

  has(request: RequestView): bool {
    for (let i = 0; i < this.matches.length; i++) {
      if (unchecked(this.matches[i]).matches(request)) return true;
    }
    const clients = this.clients;
    if (!clients) return false;
    const sent = request.clientAddress();
    return sent != null && this.address.readOfClient(sent) && clients.has(this.address);
  }
}

/** A rule from the configuration. */
@final
export class RulePolicy {
  constructor(
    readonly selection: RuleSelection,
    readonly key: RuleKey,
    readonly missing: Missing,
    readonly exempt: Exemptions | null,
    readonly cost: Cost,
    /** How the answer says what the request has cost; `null` if the request says it. */
    readonly price: Price | null,
    readonly local: LocalPolicy | null,
    readonly global: GlobalRule | null,
    readonly concurrency: ConcurrencyPolicy | null,
    /** The limit that replaces the service when it does not answer. */
    readonly fallback: LocalPolicy | null,
  ) {}

  /** The callbacks of streams that the rule needs after the request, as bits of `Callback`. */
  neededCallbacks(): u32 {
    const price = this.price;
    if (!price) return this.concurrency ? Callback.Delete : 0;
    const answer = Callback.ResponseHeaders | Callback.Delete;
    return price.source == PriceSource.Json ? answer | Callback.ResponseBody : answer;
  }

  get counted(): Counted {
    const price = this.price;
    if (price && price.source == PriceSource.Statuses) return Counted.Answers;
    return price || this.cost.isInHeader ? Counted.Tokens : Counted.Requests;
  }
}
