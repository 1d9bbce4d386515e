// The request of the current callback, as the matching sees it.

import { view } from "../abi/memory";
import { SourceAttributes } from "../host/attributes/connection";
import { requestHeaders } from "../host/headers";
import { getProperty } from "../host/properties";
import { randomBelow, randomBytes } from "../host/random";
import { Bytes } from "../text/bytes";
import { RequestView } from "./request-view";

const SOURCE_ADDRESS = SourceAttributes.address();
const COLON: u8 = 0x3a;
const OPENING_BRACKET: u8 = 0x5b;
const CLOSING_BRACKET: u8 = 0x5d;

/** Reads from the host what a decision needs. */
@final
export class HostRequestView extends RequestView {
  protected fetch(name: Bytes): Bytes | null {
    return requestHeaders.get(name);
  }

  protected fetchLines(name: Bytes): Bytes | null {
    return requestHeaders.all(name);
  }

  protected knowsAll(): bool {
    return requestHeaders.arePairsKnown();
  }

  protected fetchAll(): bool {
    const pairs = requestHeaders.pairs();
    if (!pairs) return false;
    while (pairs.next()) this.found(pairs.name, pairs.value);
    return true;
  }

  protected fetchAttribute(path: Bytes): Bytes | null {
    return getProperty(path);
  }

  /**
   * Envoy's `source.address`, which follows `x-forwarded-for` as far as the listener trusts that
   * header.
   */
  protected fetchClientAddress(): Bytes | null {
    const address = SOURCE_ADDRESS.read();
    return address ? withoutPort(address) : null;
  }

  draw(bound: u32): u32 {
    return randomBelow(bound);
  }

  drawBits(): u64 {
    return load<u64>(randomBytes(8));
  }
}

/** Turns `192.0.2.1:4711` into `192.0.2.1`, and `[2001:db8::1]:4711` into `2001:db8::1`. */
function withoutPort(address: Bytes): Bytes {
  if (address.size > 0 && address.at(0) == OPENING_BRACKET) {
    const end = address.indexOf(CLOSING_BRACKET);
    return end < 0 ? address : view(address.ptr + 1, end - 1);
  }
  const colon = address.indexOf(COLON);
  return colon < 0 ? address : view(address.ptr, colon);
}
