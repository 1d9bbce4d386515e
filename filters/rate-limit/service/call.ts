// One request's question to the rate limit service: which rules ask, and what the answer was.

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
  viewOf,
} from "../../../assembly";
import { Charge, Charges } from "../charge";
import { Outcome } from "../outcomes";
import { DescriptorStatus, ServiceAnswer } from "./answer";
import { addHeaders } from "./headers";
import { GlobalRule } from "./request";
import { RateLimitService } from "./service";

/** No service gives a larger answer. */
const MAX_ANSWER_SIZE: u32 = 64 * 1024;
/** The largest answer whose memory stays with a context for its next stream. */
const KEPT_SIZE: i32 = 4 * 1024;

const RESPONSE_HEADERS: u32 = 3;
const REQUEST_HEADERS: u32 = 4;
const BODY: u32 = 5;

const NANOSECONDS: u64 = 1_000_000_000;
const EMPTY = new Bytes(0, 0);
const bodyReader = new ProtobufReader(EMPTY);

/** The waiting stream. */
export interface ServiceCaller {
  /** The service has answered, or failed to. Called in the stream's context. */
  onServiceAnswer(): void;
}

/** The service's answer to a question. */
@final
class AskedDescriptor extends DescriptorStatus {
  /** The question's hash in the table of keys over their limit. */
  hash: u64 = 0;
}

/** One for each stream's context, which may serve again: its objects are kept. */
@final
export class ServiceCall extends GrpcCallHandler {
  /** A charge for each question, with the limit that replaces an answer. */
  readonly charges: Charges = new Charges();
  /** Whether no answer came, or not a valid one. */
  failed: bool = false;
  /** For how long the key that `ask` found over its limit stays over, in nanoseconds. */
  overForNs: u64 = 0;
  private readonly answer: ServiceAnswer = new ServiceAnswer();
  private readonly statuses: Array<AskedDescriptor> = [];
  private now: u64 = 0;
  /**
   * `now`, or the start of the second that it is in by the time of day: services count their
   * windows in whole seconds of that.
   */
  private secondStart: u64 = 0;
  /** The answer, as long as something in it is still needed. */
  private kept: Bytes = EMPTY;
  private keptSize: i32 = 0;
  private stream: ServiceCaller | null = null;

  constructor(private readonly service: RateLimitService) {
    super();
  }

  /** @param now nanoseconds of the monotonic clock */
  begin(now: u64): void {
    this.now = now;
    this.charges.clear();
    this.failed = false;
    this.keptSize = 0;
    this.answer.clear();
    this.service.writer.begin();
  }

  /**
   * Asks about the key of the charge, which its rule has just read.
   * @returns false if the key is known to be over its limit: it need not be asked. One host call,
   * none without a pre-check
   */
  ask(charge: Charge, global: GlobalRule): bool {
    const writer = this.service.writer;
    this.writeEntries(charge);
    const descriptor = writer.identify(global);
    const table = this.service.overTable;
    const hash = table ? table.hashOf(descriptor) : 0;
    if (table && table.has(hash, charge.cost, this.now)) {
      this.overForNs = table.over.spared + NANOSECONDS * <u64>table.over.beyondSeconds;
      writer.drop();
      return false;
    }
    writer.add(charge.cost);
    this.add(charge, hash);
    return true;
  }

  /**
   * Asks, and tells the stream the result. Two host calls.
   * @returns false if the service cannot be asked: then the call has failed, and the stream is not
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
    // An empty message has no verdict.
    this.failed = !message || !this.answer.read(message, this.statuses, this.charges.count);
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

  /** The service's answer to question `i`, in [0, `charges.count`). */
  status(i: i32): DescriptorStatus {
    return unchecked(this.statuses[i]);
  }

  /** Adds the headers that the service sent for the upstream. */
  addRequestHeaders(): void {
    if (this.answer.hasRequestHeaders) addHeaders(this.held(), REQUEST_HEADERS, requestHeaders, false);
  }

  get hasResponseHeaders(): bool {
    return this.answer.hasResponseHeaders;
  }

  /**
   * Adds the headers that the service sent for the client.
   * @param refused they are those of a refusal, and may say what its body is
   */
  addResponseHeaders(refused: bool): void {
    addHeaders(this.held(), RESPONSE_HEADERS, responseHeaders, refused);
  }

  /**
   * The body that the service sent for a refusal; empty if there is none. Valid until the callback
   * ends.
   */
  body(): Bytes {
    if (!this.answer.hasBody) return EMPTY;
    let body = EMPTY;
    const reader = bodyReader;
    reader.begin(this.held());
    while (reader.next()) if (reader.field == BODY) body = viewOf(reader.bytes, 0, reader.bytes.size);
    return body;
  }

  /** Makes it ready for the next stream. */
  recycle(): void {
    this.stream = null;
    this.charges.clear();
    this.keptSize = 0;
    this.answer.clear();
    if (this.kept.size > KEPT_SIZE) this.kept = EMPTY;
  }

  private writeEntries(charge: Charge): void {
    const writer = this.service.writer;
    const key = charge.rule.policy.key;
    for (let i = 0; i < key.count; i++) {
      // Requests that lack a part share one limit: their other parts do not tell them apart.
      const isTold = charge.isWhole || key.isFixed(i);
      writer.entry(key.name(i), isTold ? key.value(i) : EMPTY);
    }
  }

  private add(charge: Charge, descriptor: u64): void {
    const index = this.charges.count;
    const asked = this.charges.add(charge.rule, charge.rule.fallback);
    asked.hash = charge.hash;
    asked.cost = charge.cost;
    asked.passed = Outcome.ServiceFailedLocal;
    if (index == this.statuses.length) this.statuses.push(new AskedDescriptor());
    unchecked(this.statuses[index]).hash = descriptor;
  }

  private tell(): void {
    const stream = this.stream;
    if (stream) stream.onServiceAnswer();
  }

  private held(): Bytes {
    return viewOf(this.kept, 0, this.keptSize);
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
    for (let i = 0; i < this.charges.count; i++) {
      const asked = unchecked(this.statuses[i]);
      if (!asked.over || asked.remaining > 0 || asked.resetNs == 0) continue;
      // Whole seconds are rounded up from the start of the second.
      const start = asked.resetNs % NANOSECONDS == 0 ? this.secondStart : this.now;
      table.remember(asked.hash, this.charges.at(i).cost, start + asked.resetNs, this.now);
    }
  }
}
