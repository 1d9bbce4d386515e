// The cookie of a split: which visitor a request comes from, and what a response tells a new one.
// It names the visitor and not the destination: RATIONALE.md says why. Pure: it reaches the host
// only through the request view.

import { Bytes, TextBuffer, viewOf } from "../../../assembly";
import { CookieWalk, RequestView } from "../../../assembly/rules";
import { SIGNATURE_DIGITS, Signer, UNSIGNED } from "./signer";
import { beginsWithId, ID_DIGITS, WORD_DIGITS, writeWord } from "./visitor-id";

/**
 * How many cookies of its name a request is searched for a good one. A browser has few, for paths
 * and domains within each other; a client that sends thousands shall not make work of it.
 */
const MOST_TRIED: i32 = 8;

const EQUALS = Bytes.of("=");
const DOT = Bytes.of(".");
const SIGNED_SIZE: i32 = ID_DIGITS + 1 + SIGNATURE_DIGITS;
/** The secret that signs new cookies. */
const NEWEST: i32 = 0;

@final
export class SplitCookie {
  private readonly walk: CookieWalk = new CookieWalk();
  private readonly newId: Bytes = Bytes.owned(ID_DIGITS);
  /** The secret that has signed the cookie that `idIn` found last. */
  private signedBy: i32 = NEWEST;

  constructor(
    readonly name: Bytes,
    /** What follows the value: `; Path=/; HttpOnly`. */
    readonly attributes: Bytes,
    /** `null` for a plain cookie. */
    readonly signer: Signer | null,
    /** A visitor who comes back gets the cookie again. */
    readonly refreshes: bool,
    /** The slot of the request's cookies. */
    private readonly slot: i32,
  ) {}

  /**
   * The id of the request's visitor. One without a good cookie gets a new id, of 128 random bits.
   * @param setting gets the value of `set-cookie`, if the response is to set one. `null` if it
   * cannot: then a visitor without a good cookie has no id.
   */
  idOf(request: RequestView, setting: TextBuffer | null): Bytes | null {
    const known = this.idIn(request);
    if (!setting) return known;
    const id = known ? known : this.drawId(request);
    if (!known || this.refreshes || this.signedBy != NEWEST) this.writeSetting(id, setting);
    return id;
  }

  private drawId(request: RequestView): Bytes {
    const id = this.newId;
    writeWord(id.ptr, request.drawBits());
    writeWord(id.ptr + WORD_DIGITS, request.drawBits());
    return id;
  }

  private writeSetting(id: Bytes, setting: TextBuffer): void {
    setting.clear();
    setting.add(this.name);
    setting.add(EQUALS);
    setting.add(id);
    const signer = this.signer;
    if (signer) {
      setting.add(DOT);
      setting.add(signer.sign(id.ptr));
    }
    setting.add(this.attributes);
  }

  /** Whether the other cookie, of the same name, is set and checked in the same way. */
  isLike(other: SplitCookie): bool {
    if (this.refreshes != other.refreshes || !this.attributes.equals(other.attributes)) return false;
    const mine = this.signer;
    const others = other.signer;
    if (!mine || !others) return !mine && !others;
    return areAlike(mine.secrets, others.secrets);
  }

  /**
   * The id of the first good cookie, or `null`. Not simply of the first cookie: a bad one of a
   * longer path would stand before each that is set here, and its visitor would never be known.
   */
  private idIn(request: RequestView): Bytes | null {
    const header = request.header(this.slot);
    if (!header) return null;
    const walk = this.walk;
    let tried = 0;
    for (walk.begin(header); tried < MOST_TRIED && walk.next(); ) {
      if (!walk.name.equals(this.name)) continue;
      if (this.isGood(walk.value)) return viewOf(walk.value, 0, ID_DIGITS);
      tried++;
    }
    return null;
  }

  private isGood(value: Bytes): bool {
    const signer = this.signer;
    if (value.size != (signer ? SIGNED_SIZE : ID_DIGITS) || !beginsWithId(value)) return false;
    if (!signer) return true;
    if (value.at(ID_DIGITS) != DOT.at(0)) return false;
    this.signedBy = signer.signerOf(value.ptr, value.ptr + ID_DIGITS + 1);
    return this.signedBy != UNSIGNED;
  }
}

function areAlike(some: StaticArray<Bytes>, others: StaticArray<Bytes>): bool {
  if (some.length != others.length) return false;
  for (let i = 0; i < some.length; i++) {
    if (!some[i].equals(others[i])) return false;
  }
  return true;
}
