// What a response says about how long it may be used: `cache-control` (RFC 9111, section 5.2, and
// RFC 5861) and `age`. All ages and times are in seconds.

import { Bytes } from "../../assembly";
import { endOfItem, isWord, trim, unquote } from "./tokens";

const COMMA: u8 = 0x2c;
const EQUALS: u8 = 0x3d;

const NO_STORE = Bytes.of("no-store");
const NO_CACHE = Bytes.of("no-cache");
const PRIVATE = Bytes.of("private");
const MUST_REVALIDATE = Bytes.of("must-revalidate");
const PROXY_REVALIDATE = Bytes.of("proxy-revalidate");
const MAX_AGE = Bytes.of("max-age");
const S_MAXAGE = Bytes.of("s-maxage");
const STALE_IF_ERROR = Bytes.of("stale-if-error");
const STALE_WHILE_REVALIDATE = Bytes.of("stale-while-revalidate");

/** A directive that the response does not have. */
const NONE: i64 = -1;
/** What a longer number stands for: RFC 9111, section 1.2.2. */
const FOREVER: i64 = 2_147_483_648;

/** One response after another: `clear`, then its lines. Allocates nothing. */
@final
export class Freshness {
  /** It must not be kept for other clients. */
  isForbidden: bool = false;
  /** It must not be kept for anybody. */
  noStore: bool = false;
  /** How old it was when it arrived, as its sender says. */
  age: i64 = 0;
  private hasAge: bool = false;
  private mustRevalidate: bool = false;
  private maxAge: i64 = NONE;
  private sharedMaxAge: i64 = NONE;
  private staleIfError: i64 = NONE;
  private staleWhileRevalidate: i64 = NONE;
  private readonly name: Bytes = new Bytes(0, 0);
  private readonly value: Bytes = new Bytes(0, 0);

  clear(): void {
    this.isForbidden = false;
    this.noStore = false;
    this.age = 0;
    this.hasAge = false;
    this.mustRevalidate = false;
    this.maxAge = NONE;
    this.sharedMaxAge = NONE;
    this.staleIfError = NONE;
    this.staleWhileRevalidate = NONE;
  }

  /** A line of `age`. The first value counts; one that is not a number counts as none. */
  readAge(line: Bytes): void {
    if (this.hasAge) return;
    this.hasAge = true;
    const comma = line.indexOf(COMMA);
    this.value.ptr = line.ptr;
    this.value.size = comma < 0 ? line.size : comma;
    trim(this.value);
    this.age = max<i64>(0, secondsOf(this.value));
  }

  /** A line of `cache-control`. */
  readCacheControl(line: Bytes): void {
    for (let start = 0; start < line.size; ) {
      const end = endOfItem(line, start);
      this.readDirective(line, start, end);
      start = end + 1;
    }
  }

  private readDirective(line: Bytes, start: i32, end: i32): void {
    const equals = line.indexOf(EQUALS, start, end);
    const name = this.name;
    name.ptr = line.ptr + start;
    name.size = (equals < 0 ? end : equals) - start;
    trim(name);
    const value = this.value;
    value.ptr = equals < 0 ? line.ptr : line.ptr + equals + 1;
    value.size = equals < 0 ? 0 : end - equals - 1;
    trim(value);
    unquote(value);
    if (isWord(name, NO_STORE)) {
      this.noStore = true;
      this.isForbidden = true;
    } else if (isWord(name, NO_CACHE) || isWord(name, PRIVATE)) this.isForbidden = true;
    else if (isWord(name, MUST_REVALIDATE) || isWord(name, PROXY_REVALIDATE)) this.mustRevalidate = true;
    else if (isWord(name, MAX_AGE)) this.maxAge = lower(this.maxAge, value);
    else if (isWord(name, S_MAXAGE)) this.sharedMaxAge = lower(this.sharedMaxAge, value);
    else if (isWord(name, STALE_IF_ERROR)) this.staleIfError = lower(this.staleIfError, value);
    else if (isWord(name, STALE_WHILE_REVALIDATE)) {
      this.staleWhileRevalidate = lower(this.staleWhileRevalidate, value);
    }
  }

  /** The age from which it is stale; 0 if it does not say. */
  get lifetime(): i64 {
    if (this.sharedMaxAge != NONE) return this.sharedMaxAge;
    return max<i64>(0, this.maxAge);
  }

  /**
   * The age from which it must not be served in place of a failure.
   * @param otherwise for how long it may be stale if it does not say
   * @param most the highest age
   */
  usableOnError(otherwise: i64, most: i64): i64 {
    let stale = this.staleIfError;
    if (this.mustRevalidate) stale = 0;
    // RFC 9111, section 5.2.2.10: it implies proxy-revalidate.
    else if (stale == NONE) stale = this.sharedMaxAge != NONE ? 0 : otherwise;
    return min(this.lifetime + stale, most);
  }

  /** The age from which it must not be served while a newer one is asked for. */
  usableMeanwhile(most: i64): i64 {
    if (this.mustRevalidate || this.staleWhileRevalidate == NONE) return 0;
    return min(this.lifetime + this.staleWhileRevalidate, most);
  }
}

/** The lower one of two times; a text that is not a number means none at all. */
function lower(known: i64, text: Bytes): i64 {
  const value = max<i64>(0, secondsOf(text));
  return known == NONE ? value : min(known, value);
}

/** The number of seconds, at most `FOREVER`; `NONE` for a text that is not a whole number. */
function secondsOf(text: Bytes): i64 {
  if (text.size == 0) return NONE;
  let seconds: i64 = 0;
  for (let i = 0; i < text.size; i++) {
    const digit = <i64>text.at(i) - 0x30;
    if (digit < 0 || digit > 9) return NONE;
    seconds = min(FOREVER, seconds * 10 + digit);
  }
  return seconds;
}
