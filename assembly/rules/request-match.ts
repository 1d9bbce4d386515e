// Whether a rule is about a request. Shared by every filter that selects traffic.

import { Bytes } from "../text/bytes";
import { BUCKETS } from "../text/hash";
import { ClaimMatch } from "./claim-match";
import { Address } from "./key/address";
import { AddressRanges } from "./key/address-ranges";
import { RequestView } from "./request-view";
import { ValueMatch } from "./value-match";

/** A test of one claim. */
@final
export class ClaimTest {
  constructor(
    /** Slot among the claims, in `RequestSlots`. */
    readonly slot: i32,
    readonly match: ClaimMatch,
  ) {}
}

/** A test of one header, cookie, query parameter or attribute. */
@final
export class NamedTest {
  constructor(
    /** Slot among the names of its kind, in `RequestSlots`. */
    readonly slot: i32,
    readonly match: ValueMatch,
  ) {}
}

/** The client's address, or that of the request that was tried last. */
const client: Address = new Address();

/**
 * A compiled match: everything that it names must hold. The cheapest tests come first, those that
 * read attributes after all others, and the random draw last.
 */
@final
export class RequestMatch {
  methods: StaticArray<Bytes> = [];
  path: ValueMatch | null = null;
  headers: StaticArray<NamedTest> = [];
  parameters: StaticArray<NamedTest> = [];
  cookies: StaticArray<NamedTest> = [];
  claims: StaticArray<ClaimTest> = [];
  /** The client's address is in one of them. */
  addresses: AddressRanges | null = null;
  /** Of the route's name and of filter state. */
  attributes: StaticArray<NamedTest> = [];
  /** One of them must hold; those that read no attribute come first. */
  anyOf: StaticArray<RequestMatch> = [];
  /** Must not hold. */
  not: RequestMatch | null = null;
  /** Matches within read attributes, so they come after this one's own. Set by `settle`. */
  private readsLate: bool = false;
  /** Something but method, path and headers is tested. Set by `settle`. */
  private hasMore: bool = true;
  /** How many of `BUCKETS` buckets match. With all of them nothing is drawn. */
  share: u32 = BUCKETS;

  /** Orders the tests by what they cost. Call it once all are there, also in matches within. */
  settle(): void {
    const ordered: RequestMatch[] = [];
    for (let i = 0; i < this.anyOf.length; i++)
      if (!this.anyOf[i].readsAttributes) ordered.push(this.anyOf[i]);
    for (let i = 0; i < this.anyOf.length; i++)
      if (this.anyOf[i].readsAttributes) ordered.push(this.anyOf[i]);
    this.readsLate = ordered.length > 0 && ordered[0].readsAttributes;
    this.anyOf = StaticArray.fromArray(ordered);
    const not = this.not;
    if (not && not.readsAttributes) this.readsLate = true;
    const named = this.parameters.length + this.cookies.length;
    this.hasMore = named + ordered.length > 0 || not != null || this.readsAttributes;
  }

  matches(request: RequestView): bool {
    return (
      this.matchesHeaders(request) &&
      this.matchesMethod(request) &&
      this.matchesPath(request) &&
      (!this.hasMore || this.matchesMore(request)) &&
      (this.share == BUCKETS || request.draw(BUCKETS) < this.share)
    );
  }

  private matchesMore(request: RequestView): bool {
    return this.matchesParameters(request) && this.matchesCookies(request) && this.matchesOthers(request);
  }

  /** Whether a test reads an attribute, here or in a match within. */
  get readsAttributes(): bool {
    if (this.claims.length > 0 || this.addresses || this.attributes.length > 0) return true;
    for (let i = 0; i < this.anyOf.length; i++) if (this.anyOf[i].readsAttributes) return true;
    const not = this.not;
    return not != null && not.readsAttributes;
  }

  /** What is dearer, or has matches of its own: each before what reads attributes only to fail. */
  private matchesOthers(request: RequestView): bool {
    const readsLate = this.readsLate;
    return (
      (readsLate || this.matchesWithin(request)) &&
      this.matchesAddress(request) &&
      this.matchesAttributes(request) &&
      this.matchesClaims(request) &&
      (!readsLate || this.matchesWithin(request))
    );
  }

  private matchesWithin(request: RequestView): bool {
    const not = this.not;
    return (!not || !not.matches(request)) && this.matchesAny(request);
  }

  private matchesAny(request: RequestView): bool {
    const anyOf = this.anyOf;
    for (let i = 0; i < anyOf.length; i++) if (unchecked(anyOf[i]).matches(request)) return true;
    return anyOf.length == 0;
  }

  /** A client whose address is not known is in no range. */
  private matchesAddress(request: RequestView): bool {
    const addresses = this.addresses;
    if (!addresses) return true;
    const text = request.clientAddress();
    return text != null && client.readOfClient(text) && addresses.has(client);
  }

  private matchesAttributes(request: RequestView): bool {
    const tests = this.attributes;
    for (let i = 0; i < tests.length; i++) {
      const test = unchecked(tests[i]);
      if (!test.match.matches(request.attribute(test.slot))) return false;
    }
    return true;
  }

  private matchesMethod(request: RequestView): bool {
    const methods = this.methods;
    if (methods.length == 0) return true;
    const method = request.method();
    if (!method) return false;
    for (let i = 0; i < methods.length; i++) {
      if (unchecked(methods[i]).equals(method)) return true;
    }
    return false;
  }

  private matchesPath(request: RequestView): bool {
    const test = this.path;
    if (!test) return true;
    const path = request.path();
    return path != null && test.matches(path);
  }

  private matchesHeaders(request: RequestView): bool {
    const tests = this.headers;
    for (let i = 0; i < tests.length; i++) {
      const test = unchecked(tests[i]);
      if (!test.match.matches(request.header(test.slot))) return false;
    }
    return true;
  }

  private matchesParameters(request: RequestView): bool {
    const tests = this.parameters;
    for (let i = 0; i < tests.length; i++) {
      const test = unchecked(tests[i]);
      if (!test.match.matches(request.parameter(test.slot))) return false;
    }
    return true;
  }

  private matchesClaims(request: RequestView): bool {
    const tests = this.claims;
    for (let i = 0; i < tests.length; i++) {
      const test = unchecked(tests[i]);
      if (!test.match.matches(request.claim(test.slot))) return false;
    }
    return true;
  }

  private matchesCookies(request: RequestView): bool {
    const tests = this.cookies;
    for (let i = 0; i < tests.length; i++) {
      const test = unchecked(tests[i]);
      if (!test.match.matches(request.cookie(test.slot))) return false;
    }
    return true;
  }
}
