// What happens to a response: it is replaced, spoilt, or left alone.

import {
  Bytes,
  CallProtocol,
  decimalText,
  encodePairs,
  GrpcStatus,
  grpcStatusFor,
  HeaderMap,
  isGrpcType,
  monotonicNanoseconds,
  Reply,
  responseBody,
  responseHeaders,
  responseTrailers,
  webType,
} from "../../assembly";
import { MessageMeter } from "./message-meter";
import { BodyMeter, ResponseFault } from "./response-fault";
import { FAULT_MESSAGE, isBodiless } from "./statuses";

const STATUS = Bytes.of(":status");
const CONTENT_TYPE = Bytes.of("content-type");
const GRPC_CONTENT_TYPE = Bytes.of("application/grpc");
const GRPC_STATUS = Bytes.of("grpc-status");
const GRPC_MESSAGE = Bytes.of("grpc-message");
const OK: u32 = 200;
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
  private abort: Reply | null = null;
  /** That of the request whose response is replaced. */
  private protocol: CallProtocol = CallProtocol.Http;
  /** The response that is spoilt is that of a gRPC call. */
  private isGrpc: bool = false;
  /** The gRPC status that takes the place of the upstream's; OK leaves that as it is. */
  private grpcStatus: GrpcStatus = GrpcStatus.Ok;
  private fault: ResponseFault | null = null;
  private body: Body = Body.Untouched;
  private readonly meter: BodyMeter = new BodyMeter();
  private readonly messages: MessageMeter = new MessageMeter();
  /** A part of the body was cut off. */
  private isCut: bool = false;

  /** The stream is to be reset, since the body was cut off. */
  get mustReset(): bool {
    const fault = this.fault;
    return this.isCut && fault != null && fault.resets;
  }

  /** Replaces the response with this answer. */
  replaceWith(abort: Reply, protocol: CallProtocol): void {
    this.abort = abort;
    this.protocol = protocol;
  }

  spoil(fault: ResponseFault): void {
    this.fault = fault;
  }

  clear(): void {
    this.abort = null;
    this.fault = null;
    this.body = Body.Untouched;
    this.isGrpc = false;
    this.grpcStatus = GrpcStatus.Ok;
    this.isCut = false;
  }

  onHeaders(endOfStream: bool): void {
    const abort = this.abort;
    if (abort) this.replaceHeaders(abort, endOfStream);
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
    if (abort) {
      responseTrailers.replaceAll(NO_TRAILERS);
      if (this.protocol == CallProtocol.Grpc) addGrpcStatus(responseTrailers, abort);
    } else {
      this.replaceGrpcStatus(responseTrailers);
    }
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
  private replaceHeaders(abort: Reply, endOfStream: bool): void {
    const pairs = responseHeaders.pairs();
    while (pairs != null && pairs.next()) {
      if (pairs.name.size > 0 && pairs.name.at(0) != COLON) responseHeaders.remove(pairs.name);
    }
    if (this.protocol == CallProtocol.Http) this.becomeHttp(abort);
    else this.becomeGrpc(abort, endOfStream);
    const headers = abort.headers;
    for (let i = 0; i + 1 < headers.length; i += 2) {
      responseHeaders.add(unchecked(headers[i]), unchecked(headers[i + 1]));
    }
  }

  private becomeHttp(abort: Reply): void {
    const hasBody = abort.body.size > 0;
    this.body = hasBody ? Body.Replaced : Body.Dropped;
    responseHeaders.replace(STATUS, decimalText(abort.status));
    const type = abort.contentType;
    if (type || hasBody) responseHeaders.add(CONTENT_TYPE, type ? type : PLAIN_TEXT);
  }

  /** In gRPC-Web the status stands in the body, if the upstream's response has one. */
  private becomeGrpc(abort: Reply, endOfStream: bool): void {
    const isWeb = this.protocol != CallProtocol.Grpc;
    this.body = isWeb ? Body.Replaced : Body.Dropped;
    responseHeaders.replace(STATUS, GRPC_HTTP_STATUS);
    responseHeaders.add(CONTENT_TYPE, isWeb ? webType(this.protocol) : GRPC_CONTENT_TYPE);
    if (!isWeb || endOfStream) addGrpcStatus(responseHeaders, abort);
  }

  private replaceBody(): void {
    const abort = this.abort;
    if (abort) {
      const isHttp = this.protocol == CallProtocol.Http;
      responseBody.replace(isHttp ? abort.body : abort.webFrame(this.protocol, abort.message));
    }
    this.body = Body.Dropped;
  }

  private spoilHeaders(fault: ResponseFault, endOfStream: bool): void {
    this.isGrpc = isGrpcType(responseHeaders.get(CONTENT_TYPE));
    const counts = this.isGrpc && fault.countsMessages;
    const replaced = fault.status != 0 && this.replaceStatus(fault);
    const drops = replaced && isBodiless(fault.status);
    // With the length of a body that does not follow, the client would wait for that body.
    if (drops || fault.truncates || counts || (replaced && endOfStream))
      responseHeaders.remove(CONTENT_LENGTH);
    this.body = drops ? Body.Dropped : Body.Metered;
    if (counts) this.messages.begin(fault.afterMessages);
    if (counts || fault.truncates || fault.throttles) this.meter.begin(fault, monotonicNanoseconds());
    else if (!drops) this.body = Body.Untouched;
    // A response without a body has its status here.
    if (endOfStream) this.replaceGrpcStatus(responseHeaders);
  }

  /**
   * Replaces the status. False if the connection has changed to another protocol, which no status
   * can undo.
   */
  private replaceStatus(fault: ResponseFault): bool {
    const status = responseHeaders.get(STATUS);
    if (status && status.equals(SWITCHING_PROTOCOLS)) return false;
    responseHeaders.replace(STATUS, fault.statusText);
    if (fault.status != OK) this.grpcStatus = grpcStatusFor(fault.status);
    return true;
  }

  /**
   * A gRPC client believes the call's own status, whatever the HTTP status is and however few bytes
   * came: a status of OK would make a whole response of a spoilt one.
   */
  private replaceGrpcStatus(map: HeaderMap): void {
    if (!this.isGrpc || this.grpcStatus == GrpcStatus.Ok) return;
    map.replace(GRPC_STATUS, decimalText(this.grpcStatus));
    map.replace(GRPC_MESSAGE, FAULT_MESSAGE);
  }

  private cut(size: u32): void {
    const admitted = this.meter.admit(this.wholeMessagesOf(size));
    if (admitted == size) return;
    this.isCut = true;
    const fault = this.fault;
    if (fault && this.grpcStatus == GrpcStatus.Ok) this.grpcStatus = fault.cutStatus;
    const kept = admitted > 0 ? responseBody.read(0, admitted) : null;
    if (kept) responseBody.replace(kept);
    else responseBody.clear();
  }

  /** How many bytes of the piece belong to messages that pass. */
  private wholeMessagesOf(size: u32): u32 {
    const fault = this.fault;
    if (!this.isGrpc || !fault || !fault.countsMessages) return size;
    const piece = size > 0 ? responseBody.read(0, size) : null;
    return piece ? this.messages.admit(piece) : size;
  }
}

function addGrpcStatus(map: HeaderMap, abort: Reply): void {
  map.add(GRPC_STATUS, decimalText(abort.grpcCode));
  map.add(GRPC_MESSAGE, abort.message);
}
