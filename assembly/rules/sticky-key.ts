// Identifies requests that must always have the same outcome: by a user, a client, a trace. Its
// TypeScript twin is `stickyKey` of `filters/shared/rule-schema.ts`.

import { view } from "../abi/memory";
import { Bytes } from "../text/bytes";
import { ConfigNode } from "../text/config";
import { parseClaim } from "./claim-config";
import { claimKey } from "./claim-key";
import { KEY_SOURCES, MAX_NAME_SIZE } from "./limits";
import { parseTestedHeader } from "./match-config";
import { RequestSlots } from "./request-slots";
import { RequestView } from "./request-view";
import { theOneOf } from "./value-config";

enum KeySource {
  Header,
  Cookie,
  ClientAddress,
  TraceId,
  JwtClaim,
}

/** In the order of `KeySource`. */
const SOURCE_KEYS = StaticArray.fromArray(KEY_SOURCES);

const TRACEPARENT = Bytes.of("traceparent");
const B3_TRACE_ID = Bytes.of("x-b3-traceid");
const B3 = Bytes.of("b3");
const DASH: u8 = 0x2d;
const COMMA: u8 = 0x2c;
/** Size of `00-`, the id, `-`, the parent's id, `-` and the flags. */
const TRACEPARENT_SIZE: i32 = 55;
const TRACE_ID_SIZE: i32 = 32;
/** B3 ids may have half the size. A tracer that makes a W3C id from one puts zeros before it. */
const SHORT_TRACE_ID_SIZE: i32 = 16;

/** A compiled key. */
@final
export class StickyKey {
  constructor(
    private readonly source: KeySource,
    /**
     * The slot of the header, cookie or claim. For a trace's id it is that of `traceparent`;
     * `x-b3-traceid` and `b3` have the next two slots.
     */
    private readonly slot: i32,
    private readonly b3IdSlot: i32,
    private readonly b3Slot: i32,
  ) {}

  /** The request's key, or `null` if it has none or an empty one. Valid until the callback ends. */
  of(request: RequestView): Bytes | null {
    const key = this.read(request);
    return key && key.size > 0 ? key : null;
  }

  private read(request: RequestView): Bytes | null {
    switch (this.source) {
      case KeySource.Header:
        return request.header(this.slot);
      case KeySource.Cookie:
        return request.cookie(this.slot);
      case KeySource.ClientAddress:
        return request.clientAddress();
      case KeySource.JwtClaim:
        return claimKey(request.claim(this.slot));
      default:
        return this.traceId(request);
    }
  }

  private traceId(request: RequestView): Bytes | null {
    const parent = request.header(this.slot);
    if (parent && isTraceparent(parent)) {
      const id = tailOfId(parent.ptr + 3, TRACE_ID_SIZE);
      if (id) return id;
    }
    const b3Id = request.header(this.b3IdSlot);
    if (b3Id) return tailOfId(b3Id.ptr, b3Id.size);
    const b3 = request.header(this.b3Slot);
    return b3 && b3.indexOf(COMMA) < 0 ? tailOfId(b3.ptr, max(0, b3.indexOf(DASH))) : null;
  }
}

/**
 * Whether dashes stand where they must. Only a version above 00 may have more behind its flags, and
 * a repeated header, joined by a comma, names no trace.
 */
function isTraceparent(value: Bytes): bool {
  if (value.size < TRACEPARENT_SIZE || value.at(2) != DASH || value.at(35) != DASH) return false;
  if (value.size == TRACEPARENT_SIZE) return true;
  const isFirst = value.at(0) == 0x30 && value.at(1) == 0x30;
  return !isFirst && value.at(TRACEPARENT_SIZE) == DASH && value.indexOf(COMMA) < 0;
}

/**
 * The last 16 hexadecimal digits of a trace's id, which all its forms share; `null` for anything
 * that is not an id.
 */
function tailOfId(ptr: usize, size: i32): Bytes | null {
  if (size != TRACE_ID_SIZE && size != SHORT_TRACE_ID_SIZE) return null;
  let bits: u8 = 0;
  for (let i = 0; i < size; i++) {
    const byte = load<u8>(ptr + i);
    const isDigit = byte >= 0x30 && byte <= 0x39;
    if (!isDigit && (byte < 0x61 || byte > 0x66)) return null;
    bits |= byte ^ 0x30;
  }
  return bits == 0 ? null : view(ptr + size - SHORT_TRACE_ID_SIZE, SHORT_TRACE_ID_SIZE);
}

/**
 * Compiles a key; `null` for an absent one. `reserved` is a request header that the filter itself
 * writes, or `null`.
 */
export function parseStickyKey(
  node: ConfigNode,
  slots: RequestSlots,
  reserved: Bytes | null = null,
): StickyKey | null {
  if (!node.present) return null;
  node.keys(SOURCE_KEYS);
  const source = theOneOf(node, SOURCE_KEYS);
  if (source < 0) return null;
  const operand = node.get(SOURCE_KEYS[source]);
  switch (source) {
    case KeySource.Header: {
      const name = parseTestedHeader(operand);
      if (reserved && name.equals(reserved)) {
        operand.fail("is written by this filter, which first removes what a client sent");
      }
      return new StickyKey(source, slots.header(name), 0, 0);
    }
    case KeySource.Cookie:
      slots.needCookie();
      return new StickyKey(source, slots.cookies.slotOf(operand.text(1, MAX_NAME_SIZE)), 0, 0);
    case KeySource.JwtClaim:
      return new StickyKey(source, parseClaim(operand, slots), 0, 0);
    default:
      if (!operand.boolOr(false)) operand.fail("must be true");
      if (source == KeySource.ClientAddress) return new StickyKey(source, 0, 0, 0);
      return new StickyKey(
        source,
        slots.headers.slotOf(TRACEPARENT),
        slots.headers.slotOf(B3_TRACE_ID),
        slots.headers.slotOf(B3),
      );
  }
}
