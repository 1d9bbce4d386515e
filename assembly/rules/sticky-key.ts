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
import { SHORT_ID_SIZE, TraceId } from "./trace-id";
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

/** A compiled key. */
@final
export class StickyKey {
  constructor(
    private readonly source: KeySource,
    /** The slot of the header, cookie or claim. */
    private readonly slot: i32,
    private readonly trace: TraceId | null = null,
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

  /** The last 16 digits of the id, which all its forms share. */
  private traceId(request: RequestView): Bytes | null {
    const trace = this.trace;
    const id = trace ? trace.of(request) : null;
    return id ? view(id.ptr + id.size - SHORT_ID_SIZE, SHORT_ID_SIZE) : null;
  }
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
      return new StickyKey(source, slots.header(name));
    }
    case KeySource.Cookie:
      slots.needCookie();
      return new StickyKey(source, slots.cookies.slotOf(operand.text(1, MAX_NAME_SIZE)));
    case KeySource.JwtClaim:
      return new StickyKey(source, parseClaim(operand, slots));
    default:
      if (!operand.boolOr(false)) operand.fail("must be true");
      if (source == KeySource.ClientAddress) return new StickyKey(source, 0);
      return new StickyKey(source, 0, new TraceId(slots));
  }
}
