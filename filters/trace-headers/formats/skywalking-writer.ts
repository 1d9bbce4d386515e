// Makes an `sw8` where none came in, of what a proxy knows: the name that it was given, the path
// and the address that the client asked for.

import { Bytes, base64Size, scratch, viewOf, writeBase64 } from "../../../assembly";
import { Sampling, TRACE_ID_SIZE, Trace } from "../trace";
import { ID_DIGITS, numberAt, writeNumber } from "./hex";

const DASH: u8 = 0x2d;
const QUERY: u8 = 0x3f;
/** SkyWalking cuts names of endpoints here (`endpointNameMaxLength`). */
const MAX_ENDPOINT: i32 = 150;
/** Longer addresses are cut. */
const MAX_PEER: i32 = 256;
/** Span 0 of the segment, between two fields. */
const FIRST_SPAN = Bytes.of("-0-");

@final
export class SkyWalkingWriter {
  /** `-0-{service}-{instance}-`, both in base64. */
  private readonly middle: Bytes;
  private readonly segment: Bytes = Bytes.owned(TRACE_ID_SIZE);

  constructor(service: Bytes, instance: Bytes) {
    const size = FIRST_SPAN.size + base64Size(service.size) + 1 + base64Size(instance.size) + 1;
    this.middle = Bytes.owned(size);
    const to = putDash(putBase64(put(this.middle.ptr, FIRST_SPAN), service));
    putDash(putBase64(to, instance));
  }

  /** The header for this hop, valid until the callback ends. */
  write(trace: Trace, path: Bytes, authority: Bytes): Bytes {
    const endpoint = viewOf(path, 0, endpointSize(path));
    const peer = viewOf(authority, 0, min(authority.size, MAX_PEER));
    const id = base64Size(TRACE_ID_SIZE);
    const texts = base64Size(endpoint.size) + 1 + base64Size(peer.size);
    const header = scratch(2 + id + 1 + id + this.middle.size + texts);
    this.makeSegment(trace);
    store<u8>(header.ptr, trace.sampling == Sampling.Deny ? 0x30 : 0x31);
    let to = putDash(header.ptr + 1);
    to = putDash(putBase64(to, trace.traceId));
    to = put(putBase64(to, this.segment), this.middle);
    putBase64(putDash(putBase64(to, endpoint)), peer);
    return header;
  }

  /** A segment's id that every reader by the collector's rule takes for this hop's span. */
  private makeSegment(trace: Trace): void {
    const low = numberAt(trace.traceId.ptr + ID_DIGITS);
    writeNumber(this.segment.ptr, low, ID_DIGITS);
    writeNumber(this.segment.ptr + ID_DIGITS, low ^ numberAt(trace.spanId.ptr), ID_DIGITS);
  }
}

/** Without the query, which may have secrets, and cut. */
function endpointSize(path: Bytes): i32 {
  const query = path.indexOf(QUERY);
  return min(query < 0 ? path.size : query, MAX_ENDPOINT);
}

function put(to: usize, text: Bytes): usize {
  memory.copy(to, text.ptr, text.size);
  return to + text.size;
}

function putDash(to: usize): usize {
  store<u8>(to, DASH);
  return to + 1;
}

function putBase64(to: usize, text: Bytes): usize {
  writeBase64(to, text);
  return to + base64Size(text.size);
}
