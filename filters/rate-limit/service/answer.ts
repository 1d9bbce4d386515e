// The answer of the rate limit service: `envoy.service.ratelimit.v3.RateLimitResponse`. It comes
// over the network. A message that is not such an answer, or does not fit the question, is a
// failure, and never half of a decision.

import { Bytes, ProtobufReader } from "../../../assembly";

/** The service's verdict on a request, or on one descriptor. */
enum Code {
  Ok = 1,
  OverLimit = 2,
}

const DAY: u32 = 86_400;
/**
 * Seconds of a unit by the service's number for it: unknown, second, minute, hour, day, month,
 * year, week.
 */
const UNIT_SECONDS: StaticArray<u32> = [0, 1, 60, 3600, DAY, 30 * DAY, 365 * DAY, 7 * DAY];

const NANOSECONDS: u64 = 1_000_000_000;
const MAX_RESET_SECONDS: u64 = 366 * <u64>DAY;

/**
 * One reader for each depth: an answer is read within a callback, so none has to be made for it.
 */
const answerReader = new ProtobufReader(new Bytes(0, 0));
const statusReader = new ProtobufReader(new Bytes(0, 0));
const partReader = new ProtobufReader(new Bytes(0, 0));

/** One descriptor's part of an answer. */
export class DescriptorStatus {
  over: bool = false;
  /** Requests in a unit, 0 if the service did not say. */
  limit: u32 = 0;
  /** Seconds of that unit, 0 if the service did not say. */
  unitSeconds: u32 = 0;
  remaining: u32 = 0;
  /** Nanoseconds until the limit's window ends; 0 if the service did not say. */
  resetNs: u64 = 0;

  clear(): void {
    this.over = false;
    this.limit = 0;
    this.unitSeconds = 0;
    this.remaining = 0;
    this.resetNs = 0;
  }

  /** Reads a status. False if the message is not one, or its code is unknown. */
  read(message: Bytes): bool {
    this.clear();
    const reader = statusReader;
    reader.begin(message);
    let code: u64 = 0;
    let whole: bool = true;
    while (reader.next()) {
      if (reader.field == 1) code = reader.integer;
      else if (reader.field == 2) whole = whole && this.readLimit(reader.bytes);
      else if (reader.field == 3) this.remaining = clamped(reader.integer);
      else if (reader.field == 4) whole = whole && this.readReset(reader.bytes);
    }
    this.over = code == Code.OverLimit;
    return whole && !reader.failed && isKnown(code);
  }

  private readLimit(message: Bytes): bool {
    const reader = partReader;
    reader.begin(message);
    while (reader.next()) {
      if (reader.field == 1) this.limit = clamped(reader.integer);
      else if (reader.field == 2) this.unitSeconds = secondsOf(reader.integer);
    }
    return !reader.failed;
  }

  /** A time that has passed, or is more than a year ahead, is ignored. */
  private readReset(message: Bytes): bool {
    const reader = partReader;
    reader.begin(message);
    let seconds: u64 = 0;
    let nanos: u64 = 0;
    while (reader.next()) {
      if (reader.field == 1) seconds = reader.integer;
      else if (reader.field == 2) nanos = reader.integer;
    }
    if (seconds <= MAX_RESET_SECONDS && nanos < NANOSECONDS) this.resetNs = seconds * NANOSECONDS + nanos;
    return !reader.failed;
  }
}

/** The fields of an answer other than the descriptors' statuses. */
@final
export class ServiceAnswer {
  over: bool = false;
  hasRequestHeaders: bool = false;
  hasResponseHeaders: bool = false;
  hasBody: bool = false;

  /** Whether more of the answer is needed than its verdicts. */
  get isNeeded(): bool {
    return this.hasRequestHeaders || this.hasResponseHeaders || this.hasBody;
  }

  clear(): void {
    this.over = false;
    this.hasRequestHeaders = false;
    this.hasResponseHeaders = false;
    this.hasBody = false;
  }

  /**
   * Reads an answer to `asked` descriptors, whose statuses go to the first items of `statuses`.
   * Without any status all have the verdict on the whole: some services say no more.
   * @returns false if it is not an answer, or has another number of statuses, or an unknown code;
   * then nothing of it may be used
   */
  read<S extends DescriptorStatus>(message: Bytes, statuses: Array<S>, asked: i32): bool {
    this.clear();
    if (this.readAll(message, statuses, asked)) return true;
    this.clear();
    return false;
  }

  private readAll<S extends DescriptorStatus>(message: Bytes, statuses: Array<S>, asked: i32): bool {
    const reader = answerReader;
    reader.begin(message);
    let code: u64 = 0;
    let count = 0;
    while (reader.next()) {
      if (reader.field == 1) code = reader.integer;
      else if (reader.field == 2) {
        if (count == asked || !statuses[count].read(reader.bytes)) return false;
        count++;
      } else if (reader.field == 3) this.hasResponseHeaders = true;
      else if (reader.field == 4) this.hasRequestHeaders = true;
      else if (reader.field == 5) this.hasBody = reader.bytes.size > 0;
    }
    if (reader.failed || !isKnown(code) || (count != 0 && count != asked)) return false;
    this.over = code == Code.OverLimit;
    settle(statuses, asked, count == 0, this.over);
    return true;
  }
}

/**
 * The verdict on the whole request decides: a service in shadow mode reports descriptors as over,
 * and lets the request pass.
 */
function settle<S extends DescriptorStatus>(statuses: Array<S>, asked: i32, without: bool, over: bool): void {
  let overs = 0;
  for (let i = 0; i < asked; i++) {
    if (without) statuses[i].clear();
    if (!over) statuses[i].over = false;
    else if (statuses[i].over) overs++;
  }
  if (!over || overs > 0) return;
  for (let i = 0; i < asked; i++) statuses[i].over = true;
}

function isKnown(code: u64): bool {
  return code == Code.Ok || code == Code.OverLimit;
}

function clamped(value: u64): u32 {
  return value > u32.MAX_VALUE ? u32.MAX_VALUE : <u32>value;
}

function secondsOf(unit: u64): u32 {
  return unit < <u64>UNIT_SECONDS.length ? unchecked(UNIT_SECONDS[<i32>unit]) : 0;
}
