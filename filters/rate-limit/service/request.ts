// The question to the rate limit service: `envoy.service.ratelimit.v3.RateLimitRequest`. Source of
// the numbers: `api/envoy/service/ratelimit/v3/rls.proto` and
// `api/envoy/extensions/common/ratelimit/v3/ratelimit.proto` of envoyproxy/envoy.

import { Bytes, ProtobufWriter, scratch, sequenceSize } from "../../../assembly";
import { sipHash } from "../../../assembly/rules";

/**
 * A longer value is sent as a hash: the service keeps it as a part of its key, and accepts no
 * message over 4 MiB.
 */
export const MAX_VALUE_SIZE: i32 = 1024;

/** Units of a limit, by the service's numbers. */
export enum LimitUnit {
  Unknown = 0,
  Second = 1,
  Minute = 2,
  Hour = 3,
  Day = 4,
}

/** What a rule asks the service, beside its key. */
@final
export class GlobalRule {
  /** @param overrideUnit `Unknown` if the service's own limit applies */
  constructor(
    readonly overrideLimit: u32,
    readonly overrideUnit: LimitUnit,
  ) {}
}

/** Writes one request after another into the same memory. */
@final
export class DescriptorWriter {
  private readonly request: ProtobufWriter = new ProtobufWriter();
  private readonly descriptor: ProtobufWriter = new ProtobufWriter();
  private readonly part: ProtobufWriter = new ProtobufWriter();
  private count: i32 = 0;
  private firstCost: u32 = 0;
  private sameCost: bool = true;

  constructor(private readonly domain: Bytes) {}

  begin(): void {
    this.request.clear();
    this.request.bytes(1, this.domain);
    this.descriptor.clear();
    this.count = 0;
    this.sameCost = true;
  }

  /**
   * Adds a part of the key to the current descriptor. `value` may be any bytes; the service accepts
   * only text.
   */
  entry(name: Bytes, value: Bytes): void {
    const part = this.part;
    part.clear();
    part.bytes(1, name);
    part.bytes(2, sendable(value));
    this.descriptor.bytes(1, part.finish());
  }

  /**
   * The entries of the current descriptor and its limit, as bytes: the same bytes for everything
   * that the service counts together. Valid until `add`.
   */
  identify(rule: GlobalRule): Bytes {
    if (rule.overrideUnit != LimitUnit.Unknown) {
      const part = this.part;
      part.clear();
      part.integer(1, rule.overrideLimit);
      part.integer(2, rule.overrideUnit);
      this.descriptor.bytes(2, part.finish());
    }
    return this.descriptor.finish();
  }

  /**
   * Adds the descriptor, which `identify` has finished, to the request.
   * @param cost 0 asks without counting
   */
  add(cost: u32): void {
    if (cost != 1) this.writeCost(cost);
    this.request.bytes(2, this.descriptor.finish());
    this.descriptor.clear();
    if (this.count == 0) this.firstCost = cost;
    else if (cost != this.firstCost) this.sameCost = false;
    this.count++;
  }

  /** Forgets the current descriptor. */
  drop(): void {
    this.descriptor.clear();
  }

  /** The whole request. Valid until `begin`. */
  finish(): Bytes {
    // Services without a cost for each descriptor read one for the whole request.
    if (this.sameCost && this.count > 0 && this.firstCost > 1) this.request.integer(3, this.firstCost);
    return this.request.finish();
  }

  /** Writes a `google.protobuf.UInt64Value`, whose presence counts: 0 is not left out. */
  private writeCost(cost: u32): void {
    const part = this.part;
    part.clear();
    part.integer(1, cost);
    this.descriptor.bytes(3, part.finish());
  }
}

/**
 * The value as UTF-8 of at most `MAX_VALUE_SIZE` bytes. For one wrong byte a service would refuse
 * the whole request, and so let a client escape its limit.
 */
function sendable(value: Bytes): Bytes {
  if (value.size > MAX_VALUE_SIZE) return hashed(value);
  let at = 0;
  while (at < value.size) {
    const size = sequenceSize(value.ptr + at, value.size - at);
    if (size == 0) return mended(value, at);
    at += size;
  }
  return value;
}

/**
 * Each byte that belongs to no character becomes U+FFFD.
 * @param start the first such byte
 */
function mended(value: Bytes, start: i32): Bytes {
  const text = scratch(value.size * 3);
  memory.copy(text.ptr, value.ptr, start);
  let written = text.ptr + start;
  let at = start;
  while (at < value.size) {
    const size = sequenceSize(value.ptr + at, value.size - at);
    if (size == 0) {
      store<u8>(written, 0xef);
      store<u8>(written, 0xbf, 1);
      store<u8>(written, 0xbd, 2);
      written += 3;
    } else {
      memory.copy(written, value.ptr + at, size);
      written += size;
    }
    at += max(1, size);
  }
  text.size = <i32>(written - text.ptr);
  return text;
}

const HASH_PREFIX = Bytes.of("siphash:");
const HASH_DIGITS: i32 = 32;

/** A hash that is the same on every Envoy that asks the service. */
function hashed(value: Bytes): Bytes {
  const text = scratch(HASH_PREFIX.size + HASH_DIGITS);
  const ptr = text.ptr;
  memory.copy(ptr, HASH_PREFIX.ptr, HASH_PREFIX.size);
  writeHex(ptr + HASH_PREFIX.size, sipHash(0, 0, value));
  writeHex(ptr + HASH_PREFIX.size + 16, sipHash(0, 1, value));
  return text;
}

function writeHex(ptr: usize, value: u64): void {
  for (let i = 0; i < 16; i++) {
    const digit = <u8>((value >> (60 - 4 * i)) & 15);
    store<u8>(ptr + i, digit < 10 ? 0x30 + digit : 0x57 + digit);
  }
}
