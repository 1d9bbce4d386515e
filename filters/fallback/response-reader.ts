// Reads the headers of a response that may be kept: whether it may, and what is kept of them.

import { Bytes, HeaderPairs, lowered, NOT_A_NUMBER, parseInteger } from "../../assembly";
import { BytesTable } from "../../assembly/rules";
import { Collector } from "./answer";
import { KeepOutcome } from "./answers";
import { Freshness } from "./freshness";
import { KeepPolicy, Mark } from "./keep";
import { endOfItem, trim } from "./tokens";

/** Headers that mean something here. Those from `Dropped` on are left out. */
enum Known {
  None = -1,
  CacheControl,
  Vary,
  ContentEncoding,
  ContentRange,
  GrpcStatus,
  SetCookie,
  Age,
  ContentLength,
  Dropped,
}

const KNOWN = new BytesTable([
  Bytes.of("cache-control"),
  Bytes.of("vary"),
  Bytes.of("content-encoding"),
  Bytes.of("content-range"),
  Bytes.of("grpc-status"),
  Bytes.of("set-cookie"),
  Bytes.of("age"),
  Bytes.of("content-length"),
  Bytes.of("connection"),
  Bytes.of("keep-alive"),
  Bytes.of("proxy-connection"),
  Bytes.of("proxy-authenticate"),
  Bytes.of("te"),
  Bytes.of("trailer"),
  Bytes.of("transfer-encoding"),
  Bytes.of("upgrade"),
  Bytes.of("x-request-id"),
]);
/** What Envoy tells about one exchange. */
const ENVOYS = Bytes.of("x-envoy-");
const COLON: u8 = 0x3a;
const ACCEPT_ENCODING = Bytes.of("accept-encoding");
const NO_LENGTH: i64 = -1;
const NO_REFUSAL: i32 = -1;

@final
export class ResponseReader {
  readonly freshness: Freshness = new Freshness();
  /** Whether the response depends on the request's `accept-encoding`. */
  isEncoded: bool = false;
  /** The length that the response promises, or -1. */
  contentLength: i64 = NO_LENGTH;
  private refusal: i32 = NO_REFUSAL;
  private readonly item: Bytes = new Bytes(0, 0);

  /**
   * Reads all headers, and adds to the collector those that are kept.
   * @param keyHeaders request headers that belong to the key
   * @returns whether the response may be kept: `KeepOutcome.Kept`, or why it may not
   */
  read(pairs: HeaderPairs, policy: KeepPolicy, keyHeaders: BytesTable, collector: Collector): KeepOutcome {
    this.freshness.clear();
    this.isEncoded = false;
    this.contentLength = NO_LENGTH;
    this.refusal = NO_REFUSAL;
    while (this.refusal == NO_REFUSAL && pairs.next()) {
      const name = pairs.name;
      const value = pairs.value;
      if (this.isLeftOut(name, value, policy, keyHeaders)) continue;
      if (!policy.omits(name) && !collector.addHeader(name, value)) this.refuse(KeepOutcome.TooLarge);
    }
    if (this.refusal != NO_REFUSAL) return <KeepOutcome>this.refusal;
    if (this.freshness.isForbidden && !policy.ignores(Mark.CacheControl)) return KeepOutcome.Forbidden;
    return this.contentLength > policy.maxBody ? KeepOutcome.TooLarge : KeepOutcome.Kept;
  }

  private isLeftOut(name: Bytes, value: Bytes, policy: KeepPolicy, keyHeaders: BytesTable): bool {
    if (name.size == 0 || name.at(0) == COLON) return true;
    const known = <Known>KNOWN.find(name);
    switch (known) {
      case Known.None:
        return name.startsWith(ENVOYS);
      case Known.CacheControl:
        this.freshness.readCacheControl(value);
        return false;
      case Known.Vary:
        if (!policy.ignores(Mark.Vary)) this.readVary(value, keyHeaders);
        return false;
      case Known.ContentEncoding:
        this.isEncoded = true;
        return false;
      case Known.ContentRange:
      case Known.GrpcStatus:
        this.refuse(KeepOutcome.Forbidden);
        return true;
      case Known.SetCookie:
        if (!policy.ignores(Mark.SetCookie)) this.refuse(KeepOutcome.Forbidden);
        return true;
      case Known.Age:
        this.freshness.readAge(value);
        return true;
      case Known.ContentLength:
        this.readLength(value);
        return true;
      default:
        return true;
    }
  }

  /** Every header that the response varies by must belong to the key. */
  private readVary(line: Bytes, keyHeaders: BytesTable): void {
    const item = this.item;
    for (let start = 0; start < line.size; ) {
      const end = endOfItem(line, start);
      item.ptr = line.ptr + start;
      item.size = end - start;
      start = end + 1;
      trim(item);
      if (item.size == 0) continue;
      const name = lowered(item);
      if (name.equals(ACCEPT_ENCODING)) this.isEncoded = true;
      else if (keyHeaders.find(name) < 0) this.refuse(KeepOutcome.Forbidden);
    }
  }

  private readLength(value: Bytes): void {
    const length = parseInteger(value);
    if (length == NOT_A_NUMBER || length < 0) this.refuse(KeepOutcome.Broken);
    else this.contentLength = length;
  }

  private refuse(outcome: KeepOutcome): void {
    this.refusal = outcome;
  }
}
