// What happens to a response: it is replaced, spoilt, or left alone.

import {
  Bytes,
  decimalText,
  encodePairs,
  HeaderMap,
  monotonicNanoseconds,
  responseBody,
  responseHeaders,
  responseTrailers,
} from "../../assembly";
import { Abort, isBodiless } from "./abort";
import { BodyMeter, ResponseFault } from "./response-fault";

const STATUS = Bytes.of(":status");
const CONTENT_TYPE = Bytes.of("content-type");
const GRPC_CONTENT_TYPE = Bytes.of("application/grpc");
const GRPC_STATUS = Bytes.of("grpc-status");
const GRPC_MESSAGE = Bytes.of("grpc-message");
const GRPC_HTTP_STATUS = Bytes.of("200");
const PLAIN_TEXT = Bytes.of("text/plain");
const NO_TRAILERS = encodePairs([]);
const CONTENT_LENGTH = Bytes.of("content-length");
const SWITCHING_PROTOCOLS = Bytes.of("101");
const COLON: u8 = 0x3a;
const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

enum Body {
  /** Passes unchanged. */
  Untouched,
  /** Another response takes its place. */
  Replaced,
  /** No byte of it passes. */
  Dropped,
  /** Its bytes are counted, and cut or slowed down. */
  Metered,
}

/** The response of one stream. */
@final
export class ResponseSpoiler {
  /** The answer that replaces the response; `null` if it is not replaced. */
  private abort: Abort | null = null;
  private isGrpc: bool = false;
  private fault: ResponseFault | null = null;
  private body: Body = Body.Untouched;
  private readonly meter: BodyMeter = new BodyMeter();

  /** Replaces the response with this answer. */
  replaceWith(abort: Abort, isGrpc: bool): void {
    this.abort = abort;
    this.isGrpc = isGrpc;
  }

  spoil(fault: ResponseFault): void {
    this.fault = fault;
  }

  clear(): void {
    this.abort = null;
    this.fault = null;
    this.body = Body.Untouched;
  }

  onHeaders(endOfStream: bool): void {
    const abort = this.abort;
    if (abort) this.replaceHeaders(abort);
    const fault = this.fault;
    if (fault) this.spoilHeaders(fault, endOfStream);
  }

  /**
   * Cuts and replaces. Returns how many milliseconds too early the received bytes would reach the
   * client.
   */
  onBody(size: u32): u32 {
    switch (this.body) {
      case Body.Replaced:
        this.replaceBody();
        return 0;
      case Body.Dropped:
        responseBody.clear();
        return 0;
      case Body.Metered:
        this.cut(size);
        return this.earlyByMs();
      default:
        return 0;
    }
  }

  onTrailers(): void {
    const abort = this.abort;
    if (!abort) return;
    responseTrailers.replaceAll(NO_TRAILERS);
    if (this.isGrpc) addGrpcStatus(responseTrailers, abort);
  }

  /** Milliseconds until all received bytes may have reached the client. */
  earlyByMs(): u32 {
    const fault = this.fault;
    if (!fault || !fault.throttles) return 0;
    const now = monotonicNanoseconds();
    const due = this.meter.dueNs;
    if (due <= now) return 0;
    return <u32>(
      min<u64>((due - now + NANOSECONDS_PER_MILLISECOND - 1) / NANOSECONDS_PER_MILLISECOND, i32.MAX_VALUE)
    );
  }

  /** Edits header by header: a write of all headers at once must include every pseudo-header. */
  private replaceHeaders(abort: Abort): void {
    const pairs = responseHeaders.pairs();
    while (pairs != null && pairs.next()) {
      if (pairs.name.size > 0 && pairs.name.at(0) != COLON) responseHeaders.remove(pairs.name);
    }
    const hasBody = !this.isGrpc && abort.body.size > 0;
    this.body = hasBody ? Body.Replaced : Body.Dropped;
    const type = abort.contentType;
    if (this.isGrpc) {
      responseHeaders.replace(STATUS, GRPC_HTTP_STATUS);
      responseHeaders.add(CONTENT_TYPE, GRPC_CONTENT_TYPE);
      addGrpcStatus(responseHeaders, abort);
    } else {
      responseHeaders.replace(STATUS, decimalText(abort.status));
      if (type || hasBody) responseHeaders.add(CONTENT_TYPE, type ? type : PLAIN_TEXT);
    }
    const headers = abort.headers;
    for (let i = 0; i + 1 < headers.length; i += 2) {
      responseHeaders.add(unchecked(headers[i]), unchecked(headers[i + 1]));
    }
  }

  private replaceBody(): void {
    const abort = this.abort;
    if (abort) responseBody.replace(abort.body);
    this.body = Body.Dropped;
  }

  private spoilHeaders(fault: ResponseFault, endOfStream: bool): void {
    const replaced = fault.status != 0 && this.replaceStatus(fault);
    const drops = replaced && isBodiless(fault.status);
    // With the length of a body that does not follow, the client would wait for that body.
    if (drops || fault.truncates || (replaced && endOfStream)) responseHeaders.remove(CONTENT_LENGTH);
    this.body = drops ? Body.Dropped : Body.Metered;
    if (fault.truncates || fault.throttles) this.meter.begin(fault, monotonicNanoseconds());
    else if (!drops) this.body = Body.Untouched;
  }

  /**
   * Replaces the status. False if the connection has changed to another protocol, which no status
   * can undo.
   */
  private replaceStatus(fault: ResponseFault): bool {
    const status = responseHeaders.get(STATUS);
    if (status && status.equals(SWITCHING_PROTOCOLS)) return false;
    responseHeaders.replace(STATUS, fault.statusText);
    return true;
  }

  private cut(size: u32): void {
    const admitted = this.meter.admit(size);
    if (admitted == size) return;
    const kept = admitted > 0 ? responseBody.read(0, admitted) : null;
    if (kept) responseBody.replace(kept);
    else responseBody.clear();
  }
}

function addGrpcStatus(map: HeaderMap, abort: Abort): void {
  map.add(GRPC_STATUS, decimalText(abort.grpcCode));
  const message = abort.message;
  if (message) map.add(GRPC_MESSAGE, message);
}
