// A request as decisions see it. The host is asked for each value that a configuration names at
// most once, and only when a test needs it.

import { view } from "../abi/memory";
import { Bytes } from "../text/bytes";
import { BytesTable } from "../text/bytes-table";
import { JoinedLines } from "../text/joined-lines";
import { pathEnd } from "../text/path-end";
import { foldAuthority, hostOf } from "./authority";
import { Claim } from "./claim";
import { readCookies } from "./cookies";
import { NamedValues } from "./named-values";
import { readParameters } from "./query";
import { ReadingCosts } from "./reading-costs";
import { RequestClaims } from "./request-claims";
import { NO_SLOT, RequestSlots } from "./request-slots";

export { RequestSlots } from "./request-slots";

/** Between the lines of a header, as in Envoy's own matchers (RFC 9110, section 5.3). */
const COMMA = Bytes.of(",");
/** Between those of cookie: RFC 6265, section 5.4; RFC 9113, section 8.2.3. */
const SEMICOLON = Bytes.of("; ");
const COOKIE = Bytes.of("cookie");
const COLON: u8 = 0x3a;
const QUESTION_MARK: u8 = 0x3f;
const NUMBER_SIGN: u8 = 0x23;

/**
 * One request after another, seen through the slots of one configuration. Returned values are valid
 * until the callback ends.
 */
export abstract class RequestView {
  private readonly names: StaticArray<Bytes>;
  private readonly table: BytesTable;
  private readonly values: StaticArray<Bytes | null>;
  /** How often the request has each header; known after a walk. */
  private readonly counts: StaticArray<i32>;
  private readonly joined: JoinedLines;
  private readonly cookieSlot: i32;
  /** The request in which a slot was last asked for. */
  private readonly askedIn: StaticArray<u32>;
  /**
   * The request in which a slot was last filled. With it nothing has to be cleared between
   * requests.
   */
  private readonly readIn: StaticArray<u32>;
  private readonly costs: ReadingCosts;
  private request: u32 = 0;
  private walkedIn: u32 = 0;
  private pathSplitIn: u32 = 0;
  private pathOnly: Bytes | null = null;
  private queryOnly: Bytes | null = null;
  private readonly parameters: NamedValues;
  private parametersIn: u32 = 0;
  private readonly cookies: NamedValues;
  private cookiesIn: u32 = 0;
  private readonly attributes: StaticArray<Bytes | null>;
  private readonly attributesIn: StaticArray<u32>;
  private readonly claims: RequestClaims;
  private client: Bytes | null = null;
  private clientIn: u32 = 0;

  constructor(private readonly slots: RequestSlots) {
    const list = StaticArray.fromArray(slots.headers.names);
    const size = list.length;
    this.names = list;
    const table = new BytesTable(list);
    this.table = table;
    this.values = new StaticArray<Bytes | null>(size);
    this.counts = new StaticArray<i32>(size);
    this.joined = new JoinedLines(size);
    this.cookieSlot = table.find(COOKIE);
    this.askedIn = new StaticArray<u32>(size);
    this.readIn = new StaticArray<u32>(size);
    this.costs = new ReadingCosts(slots.host == NO_SLOT ? size : size - 1);
    this.parameters = new NamedValues(slots.parameters);
    this.cookies = new NamedValues(slots.cookies);
    this.claims = new RequestClaims(slots.claims);
    this.attributes = new StaticArray<Bytes | null>(slots.attributes.names.length);
    this.attributesIn = new StaticArray<u32>(slots.attributes.names.length);
  }

  /** The first line of that header, or `null`. */
  protected abstract fetch(name: Bytes): Bytes | null;

  /** All its lines, joined by `,`, or `null`. For a host that does not hand over all headers. */
  protected abstract fetchLines(name: Bytes): Bytes | null;

  /**
   * Calls `found` for each header of the request, in their order. False if the host does not hand
   * them over.
   */
  protected abstract fetchAll(): bool;

  /** Whether `fetchAll` costs no host call, because somebody else has made it. */
  protected abstract knowsAll(): bool;

  /** The bytes of the stream's attribute with that path, or `null`. */
  protected abstract fetchAttribute(path: Bytes): Bytes | null;

  /** The client's address without its port, or `null` if it is not known. */
  protected abstract fetchClientAddress(): Bytes | null;

  /** A random number in [0, bound). */
  abstract draw(bound: u32): u32;

  /** 64 random bits. */
  abstract drawBits(): u64;

  /** Begins the next request: no value of the previous one is seen any more. */
  begin(): void {
    this.costs.begin();
    this.request++;
    if (this.request == 0) this.restartCount();
  }

  /**
   * The value of the header of that slot, that of all its lines, or `null`. Headers are read one by
   * one or all at once: whichever would have been cheaper for the last requests.
   */
  header(slot: i32): Bytes | null {
    if (unchecked(this.askedIn[slot]) == this.request) return unchecked(this.values[slot]);
    unchecked((this.askedIn[slot] = this.request));
    if (slot == this.slots.host) return this.keepHost();
    const isPseudo = unchecked(this.names[slot]).at(0) == COLON;
    const value = this.read(slot, isPseudo);
    this.costs.add(isPseudo, value != null);
    return value;
  }

  /** Only a pseudo-header has one line in any case: further lines of others show in a walk. */
  private read(slot: i32, isPseudo: bool): Bytes | null {
    if (this.walkedIn != this.request) {
      if (!this.isWorthAWalk(slot, isPseudo)) {
        const first = this.fetch(unchecked(this.names[slot]));
        if (!first || isPseudo) return this.keep(slot, first);
      }
      this.walk();
    }
    return unchecked(this.readIn[slot]) == this.request
      ? unchecked(this.values[slot])
      : this.keep(slot, null);
  }

  /** It is for a header that is expected, as the last request that was asked for it had it. */
  private isWorthAWalk(slot: i32, isPseudo: bool): bool {
    if (this.costs.favourWalk || this.knowsAll()) return true;
    return !isPseudo && (unchecked(this.readIn[slot]) == 0 || unchecked(this.values[slot]) != null);
  }

  /** How often the request has the header of that slot. */
  count(slot: i32): i32 {
    if (this.walkedIn != this.request) this.walk();
    return unchecked(this.readIn[slot]) == this.request ? unchecked(this.counts[slot]) : 0;
  }

  method(): Bytes | null {
    return this.header(this.slots.method);
  }

  /** The path without query and fragment, or `null` for a request without one. */
  path(): Bytes | null {
    this.splitPath();
    return this.pathOnly;
  }

  /** The decoded value of the first query parameter of that slot, or `null`. */
  parameter(slot: i32): Bytes | null {
    if (this.parametersIn != this.request) {
      this.parametersIn = this.request;
      this.parameters.clear();
      this.splitPath();
      const query = this.queryOnly;
      if (query) readParameters(query, this.parameters);
    }
    return this.parameters.get(slot);
  }

  /** The value of the first cookie of that slot, or `null`. */
  cookie(slot: i32): Bytes | null {
    if (this.cookiesIn != this.request) {
      this.cookiesIn = this.request;
      this.cookies.clear();
      const header = this.header(this.slots.cookie);
      if (header) readCookies(header, this.cookies);
    }
    return this.cookies.get(slot);
  }

  /** The bytes of the attribute of that slot, or `null`. As expensive as six headers. */
  attribute(slot: i32): Bytes | null {
    if (unchecked(this.attributesIn[slot]) != this.request) {
      unchecked((this.attributesIn[slot] = this.request));
      unchecked((this.attributes[slot] = this.fetchAttribute(unchecked(this.slots.attributes.names[slot]))));
    }
    return unchecked(this.attributes[slot]);
  }

  /**
   * The claim of that slot. The first of a request is as expensive as two attributes, the further
   * ones cost no host call.
   */
  claim(slot: i32): Claim {
    const known = this.claims.known(slot, this.request);
    if (known) return known;
    const place = unchecked(this.slots.claims.places[slot]);
    const metadata = this.attribute(place.metadataSlot);
    if (metadata) return this.claims.find(slot, this.request, metadata);
    return this.claims.guess(slot, this.request, this.attribute(place.valueSlot));
  }

  /**
   * The client's address without its port, or `null` if it is not known. As expensive as an
   * attribute.
   */
  clientAddress(): Bytes | null {
    if (this.clientIn != this.request) {
      this.clientIn = this.request;
      this.client = this.fetchClientAddress();
    }
    return this.client;
  }

  /** For `fetchAll`: one line of the request's headers. */
  protected found(name: Bytes, value: Bytes): void {
    const slot = this.table.find(name);
    if (slot < 0) return;
    const before = unchecked(this.counts[slot]++);
    if (before == 0) {
      this.keep(slot, view(value.ptr, value.size));
      return;
    }
    const all = unchecked(this.values[slot]);
    if (all) this.joined.append(slot, all, slot == this.cookieSlot ? SEMICOLON : COMMA, value);
  }

  private walk(): void {
    for (let i = 0; i < this.counts.length; i++) {
      unchecked((this.counts[i] = 0));
      // What was read alone is read again: its further lines would be joined to it once more.
      if (i != this.slots.host) unchecked((this.readIn[i] = 0));
    }
    this.joined.clear();
    this.walkedIn = this.request;
    if (!this.fetchAll()) this.fetchEach();
  }

  /**
   * Reads each header alone, without a walk. Then nobody knows how often a header occurs, so it
   * counts as repeated.
   */
  private fetchEach(): void {
    for (let slot = 0; slot < this.names.length; slot++) {
      if (slot == this.slots.host) continue;
      const value = this.keep(slot, this.fetchLines(unchecked(this.names[slot])));
      unchecked((this.counts[slot] = value ? 2 : 0));
    }
  }

  private keep(slot: i32, value: Bytes | null): Bytes | null {
    const kept = value && slot == this.slots.authority ? foldAuthority(value) : value;
    unchecked((this.values[slot] = kept));
    unchecked((this.readIn[slot] = this.request));
    return kept;
  }

  private keepHost(): Bytes | null {
    const authority = this.header(this.slots.authority);
    return this.keep(this.slots.host, authority ? hostOf(authority) : null);
  }

  private splitPath(): void {
    if (this.pathSplitIn == this.request) return;
    this.pathSplitIn = this.request;
    this.pathOnly = null;
    this.queryOnly = null;
    const target = this.header(this.slots.path);
    if (!target) return;
    const end = pathEnd(target);
    this.pathOnly = view(target.ptr, end);
    if (end == target.size || target.at(end) != QUESTION_MARK) return;
    const fragment = target.indexOf(NUMBER_SIGN, end);
    const queryEnd = fragment < 0 ? target.size : fragment;
    this.queryOnly = view(target.ptr + end + 1, queryEnd - end - 1);
  }

  /** After four billion requests the numbers start again. */
  private restartCount(): void {
    for (let i = 0; i < this.readIn.length; i++) this.readIn[i] = 0;
    for (let i = 0; i < this.askedIn.length; i++) this.askedIn[i] = 0;
    for (let i = 0; i < this.attributesIn.length; i++) this.attributesIn[i] = 0;
    this.claims.forget();
    this.clientIn = 0;
    this.walkedIn = 0;
    this.pathSplitIn = 0;
    this.parametersIn = 0;
    this.cookiesIn = 0;
    this.request = 1;
  }
}
