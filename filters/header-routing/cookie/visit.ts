// What the response to one request tells its visitor. A stream keeps it from the request to the
// response.

import { Bytes } from "../../../assembly";
import { SplitCookie } from "./split-cookie";
import { ID_DIGITS, WORD_DIGITS, writeWord } from "./visitor-id";

/** Serves one stream after another. */
@final
export class Visit {
  /** The cookie that the response sets; `null` if it sets none. */
  cookie: SplitCookie | null = null;
  /** The visitor's id, if there is a cookie to set. */
  readonly id: Bytes = Bytes.owned(ID_DIGITS);

  /** The response sets the cookie with a new id, of 128 random bits. Returns the id. */
  begin(cookie: SplitCookie, high: u64, low: u64): Bytes {
    writeWord(this.id.ptr, high);
    writeWord(this.id.ptr + WORD_DIGITS, low);
    this.cookie = cookie;
    return this.id;
  }

  /** The response sets the cookie again, with the id that the request has. */
  renew(cookie: SplitCookie, id: Bytes): void {
    memory.copy(this.id.ptr, id.ptr, ID_DIGITS);
    this.cookie = cookie;
  }

  clear(): void {
    this.cookie = null;
  }
}
