// Whose budget a request is on: that of its cluster, its route, or the value of one of its headers.

import { Bytes } from "../../assembly";
import { hash64, RequestView, sipHash } from "../../assembly/rules";

/** In the order of the keys of `per`. */
export enum Per {
  Cluster,
  Route,
  Header,
}

/**
 * Numbers of callers, 0 to `most`. Keys of shared data are never deleted, so there is a fixed
 * number of them.
 */
@final
export class Callers {
  /** By number, the hash of the cluster's or route's name that has it. */
  private readonly ids: StaticArray<u64>;
  private known: i32 = 0;
  /** Of the hash that deals the values of a header: nobody can choose one that meets another's. */
  private key0: u64 = 0;
  private key1: u64 = 0;

  /**
   * @param slot of the header, or of the attribute that is the name
   * @param most callers that are told apart; all others have the last number
   * @param header its name, where it is one
   */
  constructor(
    private readonly per: Per,
    private readonly slot: i32,
    readonly most: i32,
    private readonly header: Bytes,
  ) {
    this.ids = new StaticArray<u64>(per == Per.Header ? 0 : most);
  }

  /** To be called before the first request, with 16 bytes that all workers know and no client. */
  seed(secret: Bytes): void {
    this.key0 = load<u64>(secret.ptr);
    this.key1 = load<u64>(secret.ptr, 8);
  }

  /** What the numbers mean. */
  get text(): string {
    return this.per == Per.Header
      ? `header ${this.header.toString()} ${this.most}`
      : this.per == Per.Route
        ? "route"
        : "cluster";
  }

  /** The number of the request's caller. */
  of(request: RequestView): i32 {
    if (this.per != Per.Header) {
      const name = request.attribute(this.slot);
      return name ? this.numberOf(hash64(0, name.ptr, name.size)) : this.most;
    }
    const value = request.header(this.slot);
    return value ? <i32>(sipHash(this.key0, this.key1, value) % this.most) : this.most;
  }

  /**
   * Names are the operator's: each has books of its own, as long as there is room. There are few,
   * and the first is nearly always it.
   */
  private numberOf(id: u64): i32 {
    for (let i = 0; i < this.known; i++) {
      if (unchecked(this.ids[i]) == id) return i;
    }
    if (this.known == this.most) return this.most;
    this.ids[this.known] = id;
    return this.known++;
  }

  /** What tells the caller's key in shared data from others'; the same in every VM. */
  idOf(number: i32): u64 {
    if (number == this.most) return u64.MAX_VALUE;
    return this.per == Per.Header ? <u64>number : unchecked(this.ids[number]);
  }
}
