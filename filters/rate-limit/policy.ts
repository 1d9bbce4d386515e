// What a rule says of a request before any limit is asked: whether it counts it, and as what.

import { Bytes } from "../../assembly";
import { RequestMatch, RequestView, RuleSelection } from "../../assembly/rules";
import { Address } from "./address";
import { AddressRanges } from "./address-ranges";
import { Gcra } from "./gcra";
import { RuleKey } from "./key";
import { GlobalRule } from "./service-request";

/**
 * What becomes of a request without a part of the key; in the order of the configuration's words.
 */
export enum Missing {
  Skip,
  Share,
  Deny,
}

/** What a request counts. */
@final
export class Cost {
  constructor(
    /** Of the header that says it; -1 where none does. */
    private readonly slot: i32,
    /** Where no header says it. */
    private readonly otherwise: u32,
    private readonly most: u32,
  ) {}

  /** What is no whole number from 0 on counts as if it were not there. */
  of(request: RequestView): u32 {
    if (this.slot < 0) return this.otherwise;
    const value = request.header(this.slot);
    const number = value ? wholeNumber(value, this.most) : -1;
    return number < 0 ? this.otherwise : <u32>number;
  }
}

/**
 * The number of however many digits, but no more than `most`, which is at least 1; -1 for what is
 * none.
 */
function wholeNumber(text: Bytes, most: u32): i64 {
  let value: i64 = 0;
  for (let i = 0; i < text.size; i++) {
    const digit = <i64>text.at(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = min<i64>(value * 10 + digit, most);
  }
  return text.size > 0 ? value : -1;
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

/** A limit of this Envoy, as the configuration has it. */
@final
export class LocalPolicy {
  constructor(
    readonly gcra: Gcra,
    /** Keys that may be active at once. */
    readonly keys: u32,
  ) {}
}

/** A rule as the configuration has it. */
@final
export class RulePolicy {
  constructor(
    readonly selection: RuleSelection,
    readonly key: RuleKey,
    readonly missing: Missing,
    readonly exempt: Exemptions | null,
    readonly cost: Cost,
    readonly local: LocalPolicy | null,
    readonly global: GlobalRule | null,
    /** In place of the service when it does not answer. */
    readonly fallback: LocalPolicy | null,
  ) {}
}
