// Whether a rule is about a request. Shared by every filter that selects traffic.

import { Bytes } from "../text/bytes";
import { BUCKETS } from "../text/hash";
import { ClaimMatch } from "./claim-match";
import { RequestView } from "./request-view";
import { ValueMatch } from "./value-match";

/** How a path is tested. */
export enum PathTest {
  None,
  Exact,
  Prefix,
  Suffix,
  Segments,
}

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
  pathTest: PathTest = PathTest.None;
  pathOperand: Bytes = new Bytes(0, 0);
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
    if (this.pathTest == PathTest.None) return true;
    const path = request.path();
    if (!path) return false;
    switch (this.pathTest) {
      case PathTest.Exact:
        return path.equals(this.pathOperand);
      case PathTest.Prefix:
        return path.startsWith(this.pathOperand);
      case PathTest.Suffix:
        return path.endsWith(this.pathOperand);
      default:
        return beginsWithSegments(path, this.pathOperand);
    }
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

const SLASH: u8 = 0x2f;

/**
 * Whether `path` is `segments` or is below it. A `/` at the end of `segments` makes no difference,
 * except for `/` itself.
 */
function beginsWithSegments(path: Bytes, segments: Bytes): bool {
  let size = segments.size;
  if (size > 0 && segments.at(size - 1) == SLASH) size--;
  if (path.size < size || memory.compare(path.ptr, segments.ptr, size) != 0) return false;
  return path.size == size || path.at(size) == SLASH;
}
