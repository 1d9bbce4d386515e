// A filter for the tests of callbacks within callbacks. A request with `x-outer` calls the host's
// function `reenter`, in which the host may enter another request. Afterwards it writes into
// headers what is left of what it read and made before. A request with `x-reply` answers, and logs
// the order of the calls to it.

import {
  Bytes,
  callForeignFunction,
  FilterHeadersStatus,
  HttpContext,
  LogLevel,
  log,
  RootContext,
  registerRootContext,
  requestHeaders,
  sendLocalReply,
} from "../../../assembly";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../../assembly/exports/stream";

const OUTER = Bytes.of("x-outer");
const LARGE = Bytes.of("x-large");
const REPLY = Bytes.of("x-reply");
const READ = Bytes.of("x-read");
const MADE = Bytes.of("x-made");
const LARGE_KEPT = Bytes.of("x-large-kept");
const GREETING = Bytes.of("x-from-outer");
const HELLO = Bytes.of("hello");
const NOTHING = Bytes.of("");
const DETAILS = Bytes.of("reentered");

const GARBAGE: i32 = 4096;
const GARBAGE_SIZE: i32 = 1024;
const FILL: u8 = 0x66;

/** The request that was entered within another one. */
let inner: HttpContext | null = null;

/** An object that only a local variable holds. */
class Note {
  constructor(readonly text: string) {}
}

@final
class Probe extends HttpContext {
  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    if (requestHeaders.get(REPLY)) return this.reply();
    const read = requestHeaders.get(OUTER);
    return read ? this.goWithin(read) : this.runWithin();
  }

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    log(LogLevel.Warn, "response headers");
    return FilterHeadersStatus.Continue;
  }

  private reply(): FilterHeadersStatus {
    log(LogLevel.Warn, "before the reply");
    sendLocalReply(200, DETAILS, NOTHING);
    log(LogLevel.Warn, "after the reply");
    return FilterHeadersStatus.StopIteration;
  }

  private goWithin(read: Bytes): FilterHeadersStatus {
    const large = requestHeaders.get(LARGE);
    const note = new Note("note " + read.toString());
    callForeignFunction("reenter", NOTHING);
    makeGarbage();
    requestHeaders.add(READ, read);
    requestHeaders.add(MADE, Bytes.of(note.text));
    if (large) requestHeaders.add(LARGE_KEPT, large);
    const other = inner;
    if (other) {
      other.activate();
      requestHeaders.add(GREETING, HELLO);
      this.activate();
    }
    return FilterHeadersStatus.Continue;
  }

  /** Overwrites as much as it can, with what the host gives and with objects. */
  private runWithin(): FilterHeadersStatus {
    inner = this;
    requestHeaders.pairs();
    requestHeaders.get(LARGE);
    makeGarbage();
    return FilterHeadersStatus.StopIteration;
  }
}

function makeGarbage(): void {
  for (let i = 0; i < GARBAGE; i++) {
    const garbage = new StaticArray<u8>(GARBAGE_SIZE);
    garbage.fill(FILL);
  }
}

@final
class ProbeRoot extends RootContext {
  override createHttpContext(): HttpContext {
    return new Probe();
  }
}

registerRootContext((id: u32) => new ProbeRoot(id));
