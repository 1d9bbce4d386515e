// What a configuration reads from requests: each name has a slot of its own.

import { Bytes } from "../text/bytes";
import { ClaimSlots } from "./claim-slots";
import { AUTHORITY_HEADER } from "./limits";
import { NameSlots } from "./named-values";
import { Regexes } from "./regexes";

export const NO_SLOT: i32 = -1;

const METHOD = Bytes.of(":method");
const PATH = Bytes.of(":path");
const COOKIE = Bytes.of("cookie");
const AUTHORITY = Bytes.of(AUTHORITY_HEADER);
/** The name of a slot: no header can have it. */
const HOST = Bytes.of(":authority without its port");

/**
 * The names that a configuration uses, each with its own slot. Filled while the configuration is
 * compiled, then fixed.
 */
@final
export class RequestSlots {
  readonly headers: NameSlots = new NameSlots();
  readonly parameters: NameSlots = new NameSlots();
  readonly cookies: NameSlots = new NameSlots();
  /** Attributes of the stream, by paths in the encoding of `propertyPath`. */
  readonly attributes: NameSlots = new NameSlots();
  /** Claims of tokens, by their paths. */
  readonly claims: ClaimSlots = new ClaimSlots(this.attributes);
  readonly regexes: Regexes = new Regexes();
  method: i32 = NO_SLOT;
  path: i32 = NO_SLOT;
  cookie: i32 = NO_SLOT;
  authority: i32 = NO_SLOT;
  /** The authority without its port, which is made from the one with it. */
  host: i32 = NO_SLOT;

  /**
   * The slot of a header that a configuration names. For `:authority` it is that of the host alone:
   * each port of a host is the same host.
   */
  header(name: Bytes): i32 {
    if (!name.equals(AUTHORITY)) return this.headers.slotOf(name);
    this.needAuthority();
    this.host = this.headers.slotOf(HOST);
    return this.host;
  }

  /** The slot of the authority with its port. */
  needAuthority(): i32 {
    this.authority = this.headers.slotOf(AUTHORITY);
    return this.authority;
  }

  /** Call it where a test of the method is compiled. The next two methods work alike. */
  needMethod(): void {
    this.method = this.headers.slotOf(METHOD);
  }

  /** Needed for the query too. */
  needPath(): void {
    this.path = this.headers.slotOf(PATH);
  }

  needCookie(): void {
    this.cookie = this.headers.slotOf(COOKIE);
  }
}
