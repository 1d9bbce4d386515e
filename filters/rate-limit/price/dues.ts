// What a request owes: the limits that let it pass and count it by its answer. Each due is paid
// once, as soon as the answer has said the cost, and at the latest when the stream ends.

import { Bytes, monotonicNanoseconds, responseBody } from "../../../assembly";
import { ticksAt } from "../local/gcra";
import { LocalLimit } from "../local/limit";
import { BodyKind, bodyKind } from "./body-kind";
import { EventStream } from "./event-stream";
import { JsonSum } from "./json-sum";
import { Price, PriceSource, UNPRICED } from "./price";

/** The rule to which a request owes. */
export abstract class Creditor {
  /** How the answer says the cost; `null` if the request says it. */
  abstract get price(): Price | null;

  /** Counts an answer that did not say its cost. One host call. */
  abstract countUnpriced(): void;

  /** Counts that a limit has evicted another key. One host call. */
  abstract countEviction(): void;
}

/** What a request owes to one limit. */
@final
class Due {
  hash: u64 = 0;
  limit: LocalLimit | null = null;
  /** Reads the body; `null` until a body was read for this price. */
  private sum: JsonSum | null = null;
  private readonly events: EventStream = new EventStream();

  constructor(public rule: Creditor) {}

  get price(): Price {
    return this.rule.price!;
  }

  /** Makes it ready to read a body. */
  beginBody(): void {
    const known = this.sum;
    if (known && known.addends == this.price.addends) known.clear();
    else this.sum = new JsonSum(this.price.addends);
    this.events.clear();
  }

  readBody(kind: BodyKind, piece: Bytes): void {
    const sum = this.sum;
    if (!sum) return;
    if (kind == BodyKind.Events) this.events.read(piece.ptr, piece.size, sum);
    else sum.read(piece.ptr, piece.size);
  }

  /** What the body has said so far. */
  get inBody(): i64 {
    const sum = this.sum;
    return sum ? sum.value : UNPRICED;
  }

  /**
   * Pays the cost, or the price's default if the answer did not say one. Three host calls, none if
   * it costs nothing.
   */
  pay(cost: i64): void {
    const limit = this.limit;
    const price = this.price;
    if (!limit) return;
    if (cost == UNPRICED) this.rule.countUnpriced();
    const owed = cost == UNPRICED ? price.otherwise : <u32>min<i64>(cost, price.most);
    if (owed == 0) return;
    limit.charge(this.hash, owed, ticksAt(monotonicNanoseconds()));
    if (limit.evicted) this.rule.countEviction();
  }
}

/** One for each stream's context, which may serve again: its objects are kept. */
@final
export class Dues {
  count: i32 = 0;
  /** How the answer's body is read; `Unreadable` before there is one. */
  private kind: BodyKind = BodyKind.Unreadable;
  private readonly items: Array<Due> = [];

  add(rule: Creditor, limit: LocalLimit, hash: u64): void {
    if (this.count == this.items.length) this.items.push(new Due(rule));
    const due = unchecked(this.items[this.count++]);
    due.rule = rule;
    due.limit = limit;
    due.hash = hash;
  }

  /** The request was refused after all: it owes nothing. */
  clear(): void {
    this.count = 0;
    this.kind = BodyKind.Unreadable;
  }

  /**
   * The answer's headers are there: pays what they tell. Dues that the body tells remain.
   * @param isWhole the answer has no body
   */
  readHeaders(isWhole: bool): void {
    let left = 0;
    for (let i = 0; i < this.count; i++) {
      const due = unchecked(this.items[i]);
      if (due.price.source != PriceSource.Json) {
        due.pay(due.price.inHeaders());
        continue;
      }
      unchecked((this.items[i] = this.items[left]));
      unchecked((this.items[left++] = due));
    }
    this.count = left;
    if (left == 0) return;
    this.kind = isWhole ? BodyKind.Unreadable : bodyKind();
    if (this.kind == BodyKind.Unreadable) this.settle();
    else for (let i = 0; i < left; i++) unchecked(this.items[i]).beginBody();
  }

  /** A piece of the answer's body is there. One host call, which copies the piece. */
  readBody(isLast: bool): void {
    const piece = responseBody.readAll();
    for (let i = 0; piece && i < this.count; i++) unchecked(this.items[i]).readBody(this.kind, piece);
    if (isLast) this.settle();
  }

  /** The stream is over, with an answer or without: pays what is still owed. */
  settle(): void {
    for (let i = 0; i < this.count; i++) {
      const due = unchecked(this.items[i]);
      const isRead = this.kind != BodyKind.Unreadable;
      if (due.price.isOwedAnyhow) due.pay(isRead ? due.inBody : UNPRICED);
    }
    this.clear();
  }
}
