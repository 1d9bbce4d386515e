// The parts that a rule's key can have, each read from the request.

import { Bytes } from "../../text/bytes";
import { claimKey } from "../claim-key";
import { RequestView } from "../request-view";
import { Address, IPV4_OFFSET, MAX_ADDRESS_TEXT, writePrefix } from "./address";
import { IPV6_BITS } from "./limits";

const SLASH: u8 = 0x2f;

/** One part of a key. */
export abstract class KeyPart {
  constructor(
    /** Its name in a descriptor for the rate limit service. */
    readonly name: Bytes,
    /** A key is whole without a value of this part, or with an empty one. */
    readonly isOptional: bool = false,
  ) {}

  /** The part's bytes, or `null` if the request has none. Valid until the callback ends. */
  abstract read(request: RequestView): Bytes | null;
}

@final
export class HeaderPart extends KeyPart {
  constructor(
    name: Bytes,
    private readonly slot: i32,
    isOptional: bool = false,
  ) {
    super(name, isOptional);
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

/** An attribute of the stream. */
@final
export class AttributePart extends KeyPart {
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
 * The client's address or network. Anything that is not an IP address, such as the path of a
 * socket, counts as it is.
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
    return claimKey(request.claim(this.slot));
  }
}

@final
export class ValuePart extends KeyPart {
  constructor(
    name: Bytes,
    private readonly value: Bytes,
  ) {
    super(name, true);
  }

  read(request: RequestView): Bytes | null {
    return this.value;
  }
}
