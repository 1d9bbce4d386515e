// A list of addresses and ranges, prepared so that a thousand cost little more than one.

import { Bytes } from "../../text/bytes";
import { Address, IPV4_OFFSET, readDecimal } from "./address";
import { IPV6_BITS } from "./limits";

const SLASH: u8 = 0x2f;

/** From the first to the last address, both included. */
@final
class Range {
  readonly first: Address = new Address();
  readonly last: Address = new Address();
}

/** Ranges in ascending order that do not touch each other. */
@final
class SortedRanges {
  private readonly ranges: Array<Range> = [];

  add(range: Range): void {
    this.ranges.push(range);
  }

  /** Sorts the ranges, and joins those that overlap. Call it once all are added. */
  settle(): void {
    const ranges = this.ranges;
    ranges.sort((a, b) => compare(a.first, b.first));
    let kept = 0;
    for (let i = 1; i < ranges.length; i++) {
      if (compare(ranges[i].first, ranges[kept].last) > 0) ranges[++kept] = ranges[i];
      else if (compare(ranges[i].last, ranges[kept].last) > 0) copy(ranges[i].last, ranges[kept].last);
    }
    ranges.length = min(ranges.length, kept + 1);
  }

  has(address: Address): bool {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(unchecked(this.ranges[middle]).first, address) > 0) high = middle;
      else low = middle + 1;
    }
    return low > 0 && compare(address, unchecked(this.ranges[low - 1]).last) <= 0;
  }
}

/** Separate ranges for IPv4 and IPv6, so that `::/0` does not include IPv4. */
@final
export class AddressRanges {
  private readonly ipv4: SortedRanges = new SortedRanges();
  private readonly ipv6: SortedRanges = new SortedRanges();

  /**
   * Adds an address, or a range such as `192.0.2.0/24` or `2001:db8::/32`. False if the text is
   * neither.
   */
  add(text: Bytes): bool {
    const slash = text.indexOf(SLASH);
    const range = new Range();
    const base = range.first;
    if (!base.read(slash < 0 ? text : new Bytes(text.ptr, slash))) return false;
    const isQuads = text.indexOf(0x3a) < 0;
    const width = isQuads ? IPV6_BITS - IPV4_OFFSET : IPV6_BITS;
    const prefix = slash < 0 ? width : readDecimal(text, slash + 1, text.size);
    if (prefix < 0 || prefix > width) return false;
    const bits = isQuads ? prefix + IPV4_OFFSET : prefix;
    const isIpv4 = base.isIpv4 && bits >= IPV4_OFFSET;
    copy(base, range.last);
    range.last.fill(bits);
    base.mask(bits);
    if (isIpv4) this.ipv4.add(range);
    else this.ipv6.add(range);
    return true;
  }

  /** Call it once all are added. */
  settle(): void {
    this.ipv4.settle();
    this.ipv6.settle();
  }

  has(address: Address): bool {
    return address.isIpv4 ? this.ipv4.has(address) : this.ipv6.has(address);
  }
}

function copy(from: Address, to: Address): void {
  to.high = from.high;
  to.low = from.low;
}

function compare(a: Address, b: Address): i32 {
  if (a.high != b.high) return a.high < b.high ? -1 : 1;
  if (a.low != b.low) return a.low < b.low ? -1 : 1;
  return 0;
}
