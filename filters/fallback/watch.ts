// A rule's part in one request: the request's key, and the answer that is being collected.

import { Bytes } from "../../assembly";
import { Collector, MAX_KEY_SIZE } from "./answer";
import { KeepOutcome } from "./answers";
import { Collectors } from "./collectors";
import { Room } from "./room";
import { Rule } from "./rule";

@final
export class Watch {
  /** The key without and with the request's `accept-encoding`. */
  readonly plainKey: Bytes = new Bytes(0, 0);
  readonly encodedKey: Bytes = new Bytes(0, 0);
  private readonly room: Room = new Room();

  /** Set while the response is collected. */
  private collector: Collector | null = null;
  private collectors: Collectors | null = null;
  /** The number of the key under which the answer is kept. */
  private hash: u64 = 0;
  private arrivedAt: u64 = 0;
  private contentLength: i64 = 0;

  constructor(public rule: Rule) {}

  /** @returns false if the key is too long. */
  setPlainKey(key: Bytes): bool {
    return this.copyTo(this.plainKey, key);
  }

  /** @param key the plain one, and more behind it */
  setEncodedKey(key: Bytes): bool {
    if (!this.copyTo(this.encodedKey, key)) return false;
    this.plainKey.ptr = this.encodedKey.ptr;
    return true;
  }

  private copyTo(view: Bytes, key: Bytes): bool {
    if (key.size > MAX_KEY_SIZE) return false;
    view.ptr = this.room.hold(key).ptr;
    view.size = key.size;
    return true;
  }

  get isCollecting(): bool {
    return this.collector != null;
  }

  /** The headers are collected; the body follows. */
  begin(collector: Collector, collectors: Collectors, hash: u64, arrivedAt: u64, contentLength: i64): void {
    this.collector = collector;
    this.collectors = collectors;
    this.hash = hash;
    this.arrivedAt = arrivedAt;
    this.contentLength = contentLength;
  }

  /** Takes a piece of the body. */
  add(piece: Bytes): void {
    const collector = this.collector;
    if (collector && !collector.addBody(piece)) this.give(KeepOutcome.TooLarge);
  }

  /** The response is whole: it is kept. */
  finish(): void {
    const collector = this.collector;
    if (!collector) return;
    const isWhole = this.contentLength < 0 || this.contentLength == collector.bodySize;
    if (!isWhole) this.give(KeepOutcome.Broken);
    else this.give(this.rule.answers.keep(this.hash, this.arrivedAt, collector.bytes()));
  }

  /** Collects no more. */
  abandon(): void {
    if (this.collector) this.give(KeepOutcome.Broken);
  }

  private give(outcome: KeepOutcome): void {
    const collector = this.collector;
    const collectors = this.collectors;
    if (collector && collectors) collectors.give(collector);
    this.collector = null;
    this.rule.countKeep(outcome);
  }
}
