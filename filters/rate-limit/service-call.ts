// One request's question to the rate limit service: which rules ask, and what came of it.

import {
  Bytes,
  GrpcCallHandler,
  GrpcStatus,
  grpcMessage,
  nowNanoseconds,
  ProtobufReader,
  requestHeaders,
  responseHeaders,
  Status,
  view,
} from "../../assembly";
import { RateLimitService } from "./service";
import { DescriptorStatus, ServiceAnswer } from "./service-answer";
import { addHeaders } from "./service-headers";
import { GlobalRule } from "./service-request";

/** What `ask` returns for a key that is known to be over its limit. */
export const OVER_LOCALLY: i32 = -1;

/** A larger answer is none that a service gives. */
const MAX_ANSWER_SIZE: u32 = 64 * 1024;
/**
 * An answer that is kept for its headers leaves so much memory with a context that serves again.
 */
const KEPT_SIZE: i32 = 4 * 1024;

const RESPONSE_HEADERS: u32 = 3;
const REQUEST_HEADERS: u32 = 4;
const BODY: u32 = 5;

const NANOSECONDS: u64 = 1_000_000_000;
const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;
const EMPTY = new Bytes(0, 0);
const bodyReader = new ProtobufReader(EMPTY);

/** The stream that waits. */
export interface ServiceCaller {
  /** The service has answered, or will not. In the stream's context. */
  onServiceAnswer(): void;
}

/** A rule that asks, and what the service said of it. */
@final
class AskedRule extends DescriptorStatus {
  rule: i32 = 0;
  cost: u32 = 0;
  /** The descriptor in the table of those that are over. */
  descriptor: u64 = 0;
  /** The caller's own. */
  hash: u64 = 0;
}

/** One for each stream's context, which may serve again: what it holds is kept. */
@final
export class ServiceCall extends GrpcCallHandler {
  /** How many rules ask. */
  asked: i32 = 0;
  /** No answer came, or none that is one. */
  failed: bool = false;
  /** For how many milliseconds the key is over that `ask` gave `OVER_LOCALLY` for, rounded up. */
  overForMs: u64 = 0;
  private readonly answer: ServiceAnswer = new ServiceAnswer();
  private readonly rules: Array<AskedRule> = [];
  private now: u64 = 0;
  /**
   * `now`, or the start of the second by the time of day that it lies in: services count their
   * windows in whole seconds of it.
   */
  private secondStart: u64 = 0;
  /** The answer, for as long as something in it is still to be used. */
  private kept: Bytes = EMPTY;
  private keptSize: i32 = 0;
  private stream: ServiceCaller | null = null;

  constructor(private readonly service: RateLimitService) {
    super();
  }

  /** @param now nanoseconds of the monotonic clock */
  begin(now: u64): void {
    this.now = now;
    this.asked = 0;
    this.failed = false;
    this.keptSize = 0;
    this.answer.clear();
    this.service.writer.begin();
  }

  /** A part of the key of the rule that asks next. */
  entry(name: Bytes, value: Bytes): void {
    this.service.writer.entry(name, value);
  }

  /**
   * The rule asks about the key whose parts `entry` was given.
   * @param rule any number, for `rule`
   * @returns the number of the question, or `OVER_LOCALLY`: it need not be asked. One host call,
   * none without a pre-check
   */
  ask(rule: i32, global: GlobalRule, cost: u32): i32 {
    const writer = this.service.writer;
    const descriptor = writer.identify(global);
    const table = this.service.overTable;
    const hash = table ? table.hashOf(descriptor) : 0;
    if (table && table.has(hash, cost, this.now)) {
      this.overForMs = milliseconds(table.over.spared) + 1000 * <u64>table.over.beyondSeconds;
      writer.drop();
      return OVER_LOCALLY;
    }
    writer.add(cost);
    const index = this.asked++;
    if (index == this.rules.length) this.rules.push(new AskedRule());
    const asked = unchecked(this.rules[index]);
    asked.rule = rule;
    asked.cost = cost;
    asked.descriptor = hash;
    return index;
  }

  /**
   * Asks, and tells the stream what came of it. Two host calls.
   * @returns false where the service cannot be asked: it has failed then, and the stream is not
   * told
   */
  start(stream: ServiceCaller): bool {
    this.stream = stream;
    this.secondStart = this.service.overTable ? this.now - (nowNanoseconds() % NANOSECONDS) : this.now;
    if (this.service.send(this) == Status.Ok) return true;
    this.failed = true;
    return false;
  }

  onResponse(size: u32): void {
    const message = size <= MAX_ANSWER_SIZE ? grpcMessage.readAll() : null;
    // A message without a byte has no verdict.
    this.failed = !message || !this.answer.read(message, this.rules, this.asked);
    if (message && !this.failed) {
      this.hold(message);
      this.rememberOver();
    }
    this.tell();
  }

  onFailure(status: GrpcStatus, message: Bytes): void {
    this.failed = true;
    this.tell();
  }

  /** The number that `ask` was given for question `i`, in [0, asked); so for all below. */
  rule(i: i32): i32 {
    return unchecked(this.rules[i]).rule;
  }

  cost(i: i32): u32 {
    return unchecked(this.rules[i]).cost;
  }

  over(i: i32): bool {
    return unchecked(this.rules[i]).over;
  }

  /** The limit in each unit, 0 where the service did not say. */
  limit(i: i32): u32 {
    return unchecked(this.rules[i]).limit;
  }

  unitSeconds(i: i32): u32 {
    return unchecked(this.rules[i]).unitSeconds;
  }

  remaining(i: i32): u32 {
    return unchecked(this.rules[i]).remaining;
  }

  /** Until the limit's window ends, rounded up; 0 where the service did not say. */
  resetMs(i: i32): u64 {
    return milliseconds(unchecked(this.rules[i]).resetNs);
  }

  /** Keeps a number of the caller's with a question. */
  keep(i: i32, hash: u64): void {
    unchecked(this.rules[i]).hash = hash;
  }

  hash(i: i32): u64 {
    return unchecked(this.rules[i]).hash;
  }

  /** Adds the headers that the service has for the upstream. */
  addRequestHeaders(): void {
    if (this.answer.hasRequestHeaders) addHeaders(this.held(), REQUEST_HEADERS, requestHeaders, false);
  }

  get hasResponseHeaders(): bool {
    return this.answer.hasResponseHeaders;
  }

  /**
   * Adds the headers that the service has for the client. @param refused they are those of a
   * refusal, and may say what its body is
   */
  addResponseHeaders(refused: bool): void {
    addHeaders(this.held(), RESPONSE_HEADERS, responseHeaders, refused);
  }

  /**
   * The body that the service has for a refusal; empty where it has none. Valid until the callback
   * ends.
   */
  body(): Bytes {
    if (!this.answer.hasBody) return EMPTY;
    let body = EMPTY;
    const reader = bodyReader;
    reader.begin(this.held());
    while (reader.next()) if (reader.field == BODY) body = view(reader.bytes.ptr, reader.bytes.size);
    return body;
  }

  /** For the next stream. */
  recycle(): void {
    this.stream = null;
    this.asked = 0;
    this.keptSize = 0;
    this.answer.clear();
    if (this.kept.size > KEPT_SIZE) this.kept = EMPTY;
  }

  private tell(): void {
    const stream = this.stream;
    if (stream) stream.onServiceAnswer();
  }

  private held(): Bytes {
    return view(this.kept.ptr, this.keptSize);
  }

  private hold(message: Bytes): void {
    if (!this.answer.isNeeded) return;
    if (this.kept.size < message.size) this.kept = Bytes.owned(max(message.size, 512));
    memory.copy(this.kept.ptr, message.ptr, message.size);
    this.keptSize = message.size;
  }

  private rememberOver(): void {
    const table = this.service.overTable;
    if (!table) return;
    for (let i = 0; i < this.asked; i++) {
      const asked = unchecked(this.rules[i]);
      if (!asked.over || asked.remaining > 0 || asked.resetNs == 0) continue;
      // Whole seconds are rounded up from the start of the second.
      const start = asked.resetNs % NANOSECONDS == 0 ? this.secondStart : this.now;
      table.remember(asked.descriptor, asked.cost, start + asked.resetNs, this.now);
    }
  }
}

function milliseconds(ns: u64): u64 {
  return (ns + NANOSECONDS_PER_MILLISECOND - 1) / NANOSECONDS_PER_MILLISECOND;
}
