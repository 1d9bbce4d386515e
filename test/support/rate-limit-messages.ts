// The messages of `envoy.service.ratelimit.v3`, with the fields that tests use.
// Source: `api/envoy/service/ratelimit/v3/rls.proto` of envoyproxy/envoy.

export type LimitUnit = "second" | "minute" | "hour" | "day";

/** In the order of the protocol's numbers, which start at 1. */
const UNITS: readonly LimitUnit[] = ["second", "minute", "hour", "day"];

export interface AskedDescriptor {
  readonly entries: readonly (readonly [key: string, value: string])[];
  readonly limit?: { readonly requestsPerUnit: number; readonly unit: LimitUnit | undefined };
  /** Absent when the descriptor has none of its own. */
  readonly hitsAddend?: number;
}

/** `RateLimitRequest`. */
export interface LimitQuestion {
  readonly domain: string;
  readonly descriptors: readonly AskedDescriptor[];
  /** 0 when the request has none. */
  readonly hitsAddend: number;
}

/** The answer for one descriptor. */
export interface LimitStatus {
  /** Default: false. */
  readonly over?: boolean;
  readonly limit?: { readonly requestsPerUnit: number; readonly unit: LimitUnit };
  readonly remaining?: number;
  /** How long until the window ends, in seconds, with fractions. */
  readonly resetSeconds?: number;
}

/** `RateLimitResponse`. */
export interface LimitVerdict {
  /** Default: true if one of `statuses` is over. */
  readonly over?: boolean;
  /** Default: none. */
  readonly statuses?: readonly LimitStatus[];
  readonly responseHeaders?: readonly (readonly [name: string, value: string])[];
  readonly requestHeaders?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}

const OK = 1;
const OVER_LIMIT = 2;
const VARINT = 0;
const SIZED = 2;
const NANOS = 1e9;

export function encodeVerdict(verdict: LimitVerdict): Buffer {
  const { statuses = [], responseHeaders = [], requestHeaders = [], body = "" } = verdict;
  const over = verdict.over ?? statuses.some((status) => status.over);
  return Buffer.concat([
    integer(1, over ? OVER_LIMIT : OK),
    ...statuses.map((status) => sized(2, encodeStatus(status))),
    ...responseHeaders.map((header) => sized(3, encodeHeader(header))),
    ...requestHeaders.map((header) => sized(4, encodeHeader(header))),
    sized(5, Buffer.from(body)),
  ]);
}

function encodeStatus({ over = false, limit, remaining = 0, resetSeconds = 0 }: LimitStatus): Buffer {
  const parts = [integer(1, over ? OVER_LIMIT : OK), integer(3, remaining)];
  if (limit) {
    const unit = integer(2, UNITS.indexOf(limit.unit) + 1);
    parts.push(sized(2, Buffer.concat([integer(1, limit.requestsPerUnit), unit])));
  }
  if (resetSeconds > 0) {
    const seconds = Math.floor(resetSeconds);
    const nanos = Math.round((resetSeconds - seconds) * NANOS);
    parts.push(sized(4, Buffer.concat([integer(1, seconds), integer(2, nanos)])));
  }
  return Buffer.concat(parts);
}

function encodeHeader([name, value]: readonly [string, string]): Buffer {
  return Buffer.concat([sized(1, Buffer.from(name)), sized(2, Buffer.from(value, "latin1"))]);
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([varint((field << 3) | VARINT), varint(value)]);
}

function sized(field: number, value: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | SIZED), varint(value.length), value]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) | 0x80);
  return Buffer.from([...bytes, left]);
}

/**
 * @throws Error when the message is malformed, or has text that is not UTF-8, which a service would
 * also refuse
 */
export function decodeQuestion(message: Buffer): LimitQuestion {
  const fields = [...fieldsOf(message)];
  return {
    domain: text(fields.find(({ field }) => field === 1)?.value),
    descriptors: fields.filter(({ field }) => field === 2).map(({ value }) => decodeDescriptor(value)),
    hitsAddend: fields.find(({ field }) => field === 3)?.number ?? 0,
  };
}

function decodeDescriptor(message: Buffer): AskedDescriptor {
  const fields = [...fieldsOf(message)];
  const limit = fields.find(({ field }) => field === 2);
  const hits = fields.find(({ field }) => field === 3);
  return {
    entries: fields.filter(({ field }) => field === 1).map(({ value }) => decodeEntry(value)),
    ...(limit ? { limit: decodeLimit(limit.value) } : {}),
    ...(hits ? { hitsAddend: [...fieldsOf(hits.value)][0]?.number ?? 0 } : {}),
  };
}

function decodeEntry(message: Buffer): readonly [string, string] {
  const fields = [...fieldsOf(message)];
  const textOf = (wanted: number) => text(fields.find(({ field }) => field === wanted)?.value);
  return [textOf(1), textOf(2)];
}

function decodeLimit(message: Buffer): NonNullable<AskedDescriptor["limit"]> {
  const fields = [...fieldsOf(message)];
  const numberOf = (wanted: number) => fields.find(({ field }) => field === wanted)?.number ?? 0;
  return { requestsPerUnit: numberOf(1), unit: UNITS[numberOf(2) - 1] };
}

function text(bytes: Buffer | undefined): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes ?? Buffer.alloc(0));
}

interface Field {
  readonly field: number;
  readonly number: number;
  readonly value: Buffer;
}

function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0;
  const read = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = message[at++];
      if (byte === undefined) throw new Error("a number does not end");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = read();
    const size = read();
    const isSized = (tag & 7) === SIZED;
    if (!isSized && (tag & 7) !== VARINT)
      throw new Error(`wire type ${tag & 7} is not one of the protocol's`);
    if (isSized && at + size > message.length) throw new Error("a field leads out of its message");
    const value = isSized ? message.subarray(at, at + size) : Buffer.alloc(0);
    at += value.length;
    yield { field: tag >> 3, number: isSized ? 0 : size, value };
  }
}
