// Whose budget a request counts in: that of its cluster, its route, or the value of one of its
// headers.

import { Bytes } from "../../assembly";
import { hash64, RequestView, sipHash } from "../../assembly/rules";

/** In the order of the keys of `per`. */
export enum Per {
  Cluster,
  Route,
  Header,
}

/** The number of the only caller. */
const ONLY: i32 = 0;

/**
 * Numbers of callers, 0 to `most`. Their number is fixed, because keys of shared data are never
 * deleted.
 */
@final
export class Callers {
  /** For each number the hash of the name of the cluster or route that has it. */
  private readonly ids: StaticArray<u64>;
  private known: i32 = 0;
  /**
   * The key of the hash that distributes a header's values: nobody can choose a value that collides
   * with another's.
   */
  private key0: u64 = 0;
  private key1: u64 = 0;

  /**
   * @param slot the slot of the header, or of the attribute that has the name
   * @param most callers with a number of their own; all others have the last number
   * @param header the header's name, if it is one
   * @param name the name of the only caller, if the configuration gives it
   */
  constructor(
    private readonly per: Per,
    private readonly slot: i32,
    readonly most: i32,
    private readonly header: Bytes,
    private readonly name: Bytes | null = null,
  ) {
    this.ids = new StaticArray<u64>(per == Per.Header ? 0 : most);
    if (name) this.numberOf(idOfName(name));
  }

  /** Whether callers have names, of which there are few. */
  get haveNames(): bool {
    return this.per != Per.Header;
  }

  /** Call it before the first request, with 16 bytes that all workers know, but no client. */
  seed(secret: Bytes): void {
    this.key0 = load<u64>(secret.ptr);
    this.key1 = load<u64>(secret.ptr, 8);
  }

  /** Describes what the numbers mean. */
  get text(): string {
    return this.per == Per.Header
      ? `header ${this.header.toString()} ${this.most}`
      : this.per == Per.Route
        ? "route"
        : "cluster";
  }

  /** The number of the request's caller. */
  of(request: RequestView): i32 {
    if (this.name) return ONLY;
    if (this.per != Per.Header) {
      const name = request.attribute(this.slot);
      return name ? this.numberOf(idOfName(name)) : this.most;
    }
    const value = request.header(this.slot);
    return value ? <i32>(sipHash(this.key0, this.key1, value) % this.most) : this.most;
  }

  /**
   * Names come from the operator: each has books of its own, as long as there is room. There are
   * few, and nearly always the first is the right one.
   */
  private numberOf(id: u64): i32 {
    for (let i = 0; i < this.known; i++) {
      if (unchecked(this.ids[i]) == id) return i;
    }
    if (this.known == this.most) return this.most;
    this.ids[this.known] = id;
    return this.known++;
  }

  /** Tells the caller's key in shared data from others'; the same in every VM. */
  idOf(number: i32): u64 {
    if (number == this.most) return u64.MAX_VALUE;
    return this.per == Per.Header ? <u64>number : unchecked(this.ids[number]);
  }
}

function idOfName(name: Bytes): u64 {
  return hash64(0, name.ptr, name.size);
}
