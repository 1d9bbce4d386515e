// The answer of a client that gets a kept one: its headers and body as they were, how old it is
// (RFC 9111, section 5.1), and why it is served (RFC 9211).

import { Bytes, decimalText, PairsBuilder, scratch, sendLocalReply, TextBuffer } from "../../assembly";
import { Answer } from "./answer";

const AGE = Bytes.of("age");
const CACHE_STATUS = Bytes.of("cache-status");
const HIT = Bytes.of("fallback; hit");
/** The request went on because a fresh answer was wanted, or because the kept one was stale. */
const BYPASS = Bytes.of("fallback; fwd=bypass; fwd-status=");
const STALE = Bytes.of("fallback; fwd=stale; fwd-status=");
const TTL = Bytes.of("; ttl=");
const MINUS = Bytes.of("-");
const DETAIL = Bytes.of("; detail=");
/** Any text can stand in quotes, and words of letters need none. */
const QUOTE = Bytes.of('"');

/** One reply after another: `begin`, then what is added, then `send`. Allocates nothing. */
@final
export class KeptReply {
  private readonly pairs: PairsBuilder = new PairsBuilder();
  private readonly status: TextBuffer = new TextBuffer();
  private answer: Answer = new Answer();
  private age: i64 = 0;

  begin(answer: Answer, now: u64): void {
    this.answer = answer;
    this.age = answer.ageAt(now);
    this.pairs.clear();
    answer.addHeadersTo(this.pairs);
    this.pairs.add(AGE, decimalText(this.age));
  }

  /**
   * Says why the answer is served.
   * @param isForwarded whether the request had gone on, and got that status
   */
  mark(reason: Bytes, isForwarded: bool, status: i64): void {
    const left = this.answer.lifetime - this.age;
    const text = this.status;
    text.clear();
    if (isForwarded) {
      text.add(left > 0 ? BYPASS : STALE);
      text.addNumber(status);
    } else {
      text.add(HIT);
    }
    this.addTimeAnd(reason);
  }

  /** Says that the upstream was not asked before, and why if the answer is stale. */
  markHit(reason: Bytes | null): void {
    this.status.clear();
    this.status.add(HIT);
    this.addTimeAnd(reason);
  }

  private addTimeAnd(reason: Bytes | null): void {
    const left = this.answer.lifetime - this.age;
    const text = this.status;
    text.add(TTL);
    if (left < 0) text.add(MINUS);
    text.addNumber(left < 0 ? -left : left);
    if (reason) {
      text.add(DETAIL);
      text.add(QUOTE);
      text.add(reason);
      text.add(QUOTE);
    }
    this.pairs.add(CACHE_STATUS, text.text());
  }

  add(name: Bytes, value: Bytes): void {
    this.pairs.add(name, value);
  }

  send(details: Bytes): void {
    const headers = scratch(this.pairs.size);
    this.pairs.write(headers.ptr);
    sendLocalReply(this.answer.status, details, this.answer.body, headers);
  }
}
