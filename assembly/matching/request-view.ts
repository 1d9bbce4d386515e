// A request as decisions see it: each header is asked of the host at most once, and only when a test needs it.

import { view } from "../abi/memory";
import { Bytes } from "../text/bytes";
import { findCookie } from "./cookies";
import { findParameter } from "./query";

const QUESTION_MARK: u8 = 0x3f;
const NUMBER_SIGN: u8 = 0x23;

/** The headers that a configuration names, each with a slot of its own. Filled while the configuration is compiled. */
@final
export class HeaderSlots {
  readonly names: Array<Bytes> = [];
  readonly method: i32 = this.slotOf(Bytes.of(":method"));
  readonly path: i32 = this.slotOf(Bytes.of(":path"));
  readonly cookie: i32 = this.slotOf(Bytes.of("cookie"));

  /** The slot of the header of that name, the same for the same name. */
  slotOf(name: Bytes): i32 {
    for (let i = 0; i < this.names.length; i++) {
      if (this.names[i].equals(name)) return i;
    }
    return this.names.push(name) - 1;
  }
}

/** One request after another, seen through the slots of one configuration. What it gives is valid until the callback ends. */
export abstract class RequestView {
  private values: StaticArray<Bytes | null> = new StaticArray<Bytes | null>(0);
  /** In which request a slot was last filled: nothing needs to be cleared between requests. */
  private readIn: StaticArray<u32> = new StaticArray<u32>(0);
  private request: u32 = 0;
  private pathSplitIn: u32 = 0;
  private pathOnly: Bytes | null = null;
  private queryOnly: Bytes | null = null;

  constructor(private readonly slots: HeaderSlots) {}

  /** The value of the first header of that name, or `null`. */
  protected abstract fetch(name: Bytes): Bytes | null;

  /** The address of the client, without its port, or `null` where it is not known. */
  abstract clientAddress(): Bytes | null;

  /** A random number in [0, bound). */
  abstract draw(bound: u32): u32;

  /** Begins the next request: nothing of the one before is seen any more. */
  begin(): void {
    if (this.values.length != this.slots.names.length) {
      this.values = new StaticArray<Bytes | null>(this.slots.names.length);
      this.readIn = new StaticArray<u32>(this.slots.names.length);
      this.request = 0;
    }
    this.request++;
    if (this.request == 0) this.restartCount();
  }

  header(slot: i32): Bytes | null {
    if (unchecked(this.readIn[slot]) == this.request) return unchecked(this.values[slot]);
    const value = this.fetch(unchecked(this.slots.names[slot]));
    unchecked((this.values[slot] = value));
    unchecked((this.readIn[slot] = this.request));
    return value;
  }

  method(): Bytes | null {
    return this.header(this.slots.method);
  }

  /** The path without query and fragment, or `null` for a request without one. */
  path(): Bytes | null {
    this.splitPath();
    return this.pathOnly;
  }

  /** The decoded value of a query parameter, or `null`. */
  parameter(name: Bytes): Bytes | null {
    this.splitPath();
    const query = this.queryOnly;
    return query ? findParameter(query, name) : null;
  }

  /** The value of a cookie, or `null`. */
  cookie(name: Bytes): Bytes | null {
    const header = this.header(this.slots.cookie);
    return header ? findCookie(header, name) : null;
  }

  private splitPath(): void {
    if (this.pathSplitIn == this.request) return;
    this.pathSplitIn = this.request;
    this.pathOnly = null;
    this.queryOnly = null;
    const target = this.header(this.slots.path);
    if (!target) return;
    let end = target.indexOf(NUMBER_SIGN);
    if (end < 0) end = target.size;
    const mark = target.indexOf(QUESTION_MARK);
    const pathEnd = mark < 0 || mark > end ? end : mark;
    this.pathOnly = view(target.ptr, pathEnd);
    if (pathEnd < end) this.queryOnly = view(target.ptr + pathEnd + 1, end - pathEnd - 1);
  }

  private restartCount(): void {
    for (let i = 0; i < this.readIn.length; i++) this.readIn[i] = 0;
    this.pathSplitIn = 0;
    this.request = 1;
  }
}
