// The id of a request's trace, in whichever header tells it.

import { view } from "../abi/memory";
import { Bytes } from "../text/bytes";
import { RequestSlots } from "./request-slots";
import { RequestView } from "./request-view";

const TRACEPARENT = Bytes.of("traceparent");
const B3_TRACE_ID = Bytes.of("x-b3-traceid");
const B3 = Bytes.of("b3");
const DASH: u8 = 0x2d;
const COMMA: u8 = 0x2c;
/** Size of `00-`, the id, `-`, the parent's id, `-` and the flags. */
const TRACEPARENT_SIZE: i32 = 55;
const ID_SIZE: i32 = 32;
/** B3 ids may have half the size. A tracer that makes a W3C id from one puts zeros before it. */
export const SHORT_ID_SIZE: i32 = 16;

/** Finds the trace's id of one request after another. */
@final
export class TraceId {
  private readonly parent: i32;
  private readonly b3Id: i32;
  private readonly b3: i32;

  constructor(slots: RequestSlots) {
    this.parent = slots.headers.slotOf(TRACEPARENT);
    this.b3Id = slots.headers.slotOf(B3_TRACE_ID);
    this.b3 = slots.headers.slotOf(B3);
  }

  /**
   * The id in 32 or 16 hexadecimal digits, from `traceparent`, `x-b3-traceid` or `b3`, or `null`.
   * Valid until the callback ends.
   */
  of(request: RequestView): Bytes | null {
    const parent = request.header(this.parent);
    if (parent && isTraceparent(parent)) {
      const id = idAt(parent.ptr + 3, ID_SIZE);
      if (id) return id;
    }
    const b3Id = request.header(this.b3Id);
    if (b3Id) return idAt(b3Id.ptr, b3Id.size);
    const b3 = request.header(this.b3);
    return b3 && b3.indexOf(COMMA) < 0 ? idAt(b3.ptr, max(0, b3.indexOf(DASH))) : null;
  }
}

/**
 * The number that up to 16 hexadecimal digits of an id are. Of a short id, the first half of the
 * whole id is 0.
 */
export function idHalf(id: Bytes, isFirst: bool): u64 {
  if (isFirst && id.size <= SHORT_ID_SIZE) return 0;
  const start = isFirst ? 0 : id.size - SHORT_ID_SIZE;
  let value: u64 = 0;
  for (let i = start; i < start + SHORT_ID_SIZE; i++) {
    const byte = <u64>id.at(i);
    value = (value << 4) | (byte < 0x3a ? byte - 0x30 : byte - 0x57);
  }
  return value;
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

/** The digits of an id; `null` for anything that is not one, and for an id of zeros. */
function idAt(ptr: usize, size: i32): Bytes | null {
  if (size != ID_SIZE && size != SHORT_ID_SIZE) return null;
  let bits: u8 = 0;
  for (let i = 0; i < size; i++) {
    const byte = load<u8>(ptr + i);
    const isDigit = byte >= 0x30 && byte <= 0x39;
    if (!isDigit && (byte < 0x61 || byte > 0x66)) return null;
    bits |= byte ^ 0x30;
  }
  return bits == 0 ? null : view(ptr, size);
}
