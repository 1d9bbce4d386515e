// What a rule counts apart: the parts of a request that make up its key.

import { Bytes } from "../../../assembly";
import { RequestView, sipHash } from "../../../assembly/rules";
import { IPV6_BITS, MAX_KEY_PARTS } from "../limits";
import { Address, IPV4_OFFSET, MAX_ADDRESS_TEXT, writePrefix } from "./address";
import { claimText } from "./claim";

const SLASH: u8 = 0x2f;
const NOTHING = new Bytes(0, 0);

/** One part of a key. */
export abstract class KeyPart {
  constructor(
    /** What a descriptor for the rate limit service calls it. */
    readonly name: Bytes,
  ) {}

  /** The part's bytes, or `null` where the request has none. Valid until the callback ends. */
  abstract read(request: RequestView): Bytes | null;
}

@final
export class HeaderPart extends KeyPart {
  constructor(
    name: Bytes,
    private readonly slot: i32,
  ) {
    super(name);
  }

  read(request: RequestView): Bytes | null {
    return request.header(this.slot);
  }
}

@final
export class CookiePart extends KeyPart {
  constructor(
    name: Bytes,
    private readonly slot: i32,
  ) {
    super(name);
  }

  read(request: RequestView): Bytes | null {
    return request.cookie(this.slot);
  }
}

@final
export class QueryPart extends KeyPart {
  constructor(
    name: Bytes,
    private readonly slot: i32,
  ) {
    super(name);
  }

  read(request: RequestView): Bytes | null {
    return request.parameter(this.slot);
  }
}

@final
export class SegmentPart extends KeyPart {
  private readonly value: Bytes = new Bytes(0, 0);

  constructor(
    name: Bytes,
    private readonly index: i32,
  ) {
    super(name);
  }

  read(request: RequestView): Bytes | null {
    const path = request.path();
    if (!path || path.size == 0 || path.at(0) != SLASH) return null;
    let start = 1;
    for (let i = 0; i < this.index; i++) {
      const slash = path.indexOf(SLASH, start);
      if (slash < 0) return null;
      start = slash + 1;
    }
    const end = path.indexOf(SLASH, start);
    this.value.ptr = path.ptr + start;
    this.value.size = (end < 0 ? path.size : end) - start;
    return this.value;
  }
}

@final
export class MethodPart extends KeyPart {
  read(request: RequestView): Bytes | null {
    return request.method();
  }
}

@final
export class RoutePart extends KeyPart {
  constructor(
    name: Bytes,
    private readonly slot: i32,
  ) {
    super(name);
  }

  read(request: RequestView): Bytes | null {
    return request.attribute(this.slot);
  }
}

/**
 * The client's address or network. One that is no IP address, such as the path of a socket, counts
 * as it is.
 */
@final
export class AddressPart extends KeyPart {
  private readonly address: Address = new Address();
  private readonly text: Bytes = Bytes.owned(MAX_ADDRESS_TEXT);

  constructor(
    name: Bytes,
    private readonly ipv4Bits: i32,
    private readonly ipv6Bits: i32,
  ) {
    super(name);
  }

  read(request: RequestView): Bytes | null {
    const sent = request.clientAddress();
    const address = this.address;
    if (!sent || !address.readOfClient(sent)) return sent;
    const bits = address.isIpv4 ? this.ipv4Bits + IPV4_OFFSET : this.ipv6Bits;
    const shown = address.isIpv4 ? this.ipv4Bits : this.ipv6Bits;
    address.mask(bits);
    const text = this.text;
    text.size = address.write(text.ptr);
    if (bits < IPV6_BITS) text.size += writePrefix(text.ptr + text.size, shown);
    return text;
  }
}

@final
export class PrincipalPart extends KeyPart {
  private readonly scheme: Bytes = Bytes.of("spiffe://");

  constructor(
    name: Bytes,
    private readonly slot: i32,
  ) {
    super(name);
  }

  read(request: RequestView): Bytes | null {
    const uri = request.attribute(this.slot);
    return uri && uri.startsWith(this.scheme) ? uri : null;
  }
}

@final
export class ClaimPart extends KeyPart {
  constructor(
    name: Bytes,
    private readonly slot: i32,
  ) {
    super(name);
  }

  read(request: RequestView): Bytes | null {
    const value = request.attribute(this.slot);
    return value ? claimText(value) : null;
  }
}

@final
export class ValuePart extends KeyPart {
  constructor(
    name: Bytes,
    private readonly value: Bytes,
  ) {
    super(name);
  }

  read(request: RequestView): Bytes | null {
    return this.value;
  }
}

/** A compiled key. */
@final
export class RuleKey {
  /**
   * Of the request that was read last: the key's number, which nobody can make two of. All requests
   * of a rule that miss a part have one.
   */
  hash: u64 = 0;
  private readonly values: StaticArray<Bytes> = new StaticArray<Bytes>(MAX_KEY_PARTS).fill(NOTHING);

  /** @param parts none: all requests have the same key */
  constructor(private readonly parts: StaticArray<KeyPart>) {}

  /**
   * Reads the request's key. An empty value is as good as none, but that which the configuration
   * gives.
   * @param seed 16 bytes that no client knows
   * @returns false where the request misses a part
   */
  read(request: RequestView, seed: Bytes): bool {
    const key0 = load<u64>(seed.ptr);
    const key1 = load<u64>(seed.ptr, 8);
    let isWhole = true;
    let hash: u64 = 0;
    for (let i = 0; i < this.parts.length; i++) {
      const part = unchecked(this.parts[i]);
      const value = part.read(request);
      const isThere = value != null && (value.size > 0 || part instanceof ValuePart);
      unchecked((this.values[i] = value ? value : NOTHING));
      if (!isThere) isWhole = false;
      // Each part's hash is the key of the next one's: no two lists of values are one text.
      else hash = sipHash(key0 ^ hash, key1, unchecked(this.values[i]));
    }
    this.hash = isWhole ? hash : key0;
    return isWhole;
  }

  get count(): i32 {
    return this.parts.length;
  }

  name(i: i32): Bytes {
    return unchecked(this.parts[i]).name;
  }

  /** The configuration gives the part, and not the request. */
  isFixed(i: i32): bool {
    return unchecked(this.parts[i]) instanceof ValuePart;
  }

  /** What `read` found, empty where it is missing. Valid until the callback ends. */
  value(i: i32): Bytes {
    return unchecked(this.values[i]);
  }
}
