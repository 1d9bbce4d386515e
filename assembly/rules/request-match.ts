// Whether a rule is about a request. Shared by every filter that selects traffic.

import { Bytes } from "../text/bytes";
import { BUCKETS } from "../text/hash";
import { ClaimMatch } from "./claim-match";
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

/** A test of one header, cookie or query parameter. */
@final
export class NamedTest {
  constructor(
    /** Slot among the names of its kind, in `RequestSlots`. */
    readonly slot: i32,
    readonly match: ValueMatch,
  ) {}
}

/**
 * A compiled match: everything that it names must hold. The cheapest tests come first, the random
 * draw comes last.
 */
@final
export class RequestMatch {
  methods: StaticArray<Bytes> = [];
  path: ValueMatch | null = null;
  headers: StaticArray<NamedTest> = [];
  parameters: StaticArray<NamedTest> = [];
  cookies: StaticArray<NamedTest> = [];
  claims: StaticArray<ClaimTest> = [];
  /** How many of `BUCKETS` buckets match. With all of them nothing is drawn. */
  share: u32 = BUCKETS;

  matches(request: RequestView): bool {
    return (
      this.matchesHeaders(request) &&
      this.matchesMethod(request) &&
      this.matchesPath(request) &&
      this.matchesParameters(request) &&
      this.matchesCookies(request) &&
      this.matchesClaims(request) &&
      (this.share == BUCKETS || request.draw(BUCKETS) < this.share)
    );
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
