// A stream that pauses for a call, as its handlers see it.

import { Bytes, encodePairs, HttpContext, RootContext, requestHeaders } from "../../../assembly";

export abstract class CallingStream extends HttpContext {
  saw: string = "";
  /** Precedes what a handler reports. */
  note: string = "";
  /** Whether the response is paused instead of the request. */
  atResponse: bool = false;

  constructor(readonly root: RootContext) {
    super();
  }

  /** Reports the result of the call, and continues the stream. */
  goOn(saw: string): void {
    this.saw = this.note + saw;
    if (this.atResponse) this.resumeResponse();
    else this.resumeRequest();
  }
}

/** A header of the request, copied to its own memory; empty when there is none. */
export function header(name: string): Bytes {
  const value = requestHeaders.get(Bytes.of(name));
  return value ? value.copy() : Bytes.of("");
}

/** The milliseconds that the request asks for, or two seconds. */
export function timeout(): u32 {
  const text = header("x-timeout").toString();
  return text == "" ? 2_000 : <u32>parseInt(text, 10);
}

/** The headers of a call to this path. */
export function requestTo(path: Bytes): Bytes {
  return encodePairs([
    Bytes.of(":method"),
    Bytes.of("POST"),
    Bytes.of(":path"),
    path,
    Bytes.of(":authority"),
    Bytes.of("calls.test"),
  ]);
}
