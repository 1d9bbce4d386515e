// The cookie of a split: which visitor a request comes from, and what a response tells a new one.
// It names the visitor and not the destination: RATIONALE.md says why. Pure: it reaches the host
// only through the request view.

import { Bytes, TextBuffer, viewOf } from "../../../assembly";
import { CookieWalk, RequestView } from "../../../assembly/rules";
import { SIGNATURE_DIGITS, Signer, UNSIGNED } from "./signer";
import { Visit } from "./visit";
import { beginsWithId, ID_DIGITS } from "./visitor-id";

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
  private readonly setting: TextBuffer = new TextBuffer();
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
   * The id of the request's visitor. One without a good cookie gets a new id, which `visit` keeps
   * for the response; without a visit the result is then `null`.
   */
  idOf(request: RequestView, visit: Visit | null): Bytes | null {
    const known = this.idIn(request);
    if (!visit) return known;
    if (!known) return visit.begin(this, request.drawBits(), request.drawBits());
    if (this.refreshes || this.signedBy != NEWEST) visit.renew(this, known);
    return known;
  }

  /** The value of `set-cookie` that gives a visitor this id; valid until the next one is made. */
  settingOf(id: Bytes): Bytes {
    const setting = this.setting;
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
    return setting.text();
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
