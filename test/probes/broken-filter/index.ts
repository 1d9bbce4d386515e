// A filter for the tests of the conformance suite: it has the flaw that its configuration names,
// and each is one that the suite must find.

import {
  Bytes,
  Callback,
  defineMetric,
  FilterDataStatus,
  FilterHeadersStatus,
  HttpContext,
  incrementMetric,
  LogLevel,
  log,
  logBytes,
  MetricType,
  metricName,
  RootContext,
  registerRootContext,
  requestHeaders,
  responseHeaders,
  SharedData,
  Status,
} from "../../../assembly";
import { Config } from "../../../assembly/text/config";

export {
  left_out_callbacks,
  malloc,
  needed_callbacks,
  proxy_abi_version_0_2_1,
  proxy_on_configure,
} from "../../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_body,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../../assembly/exports/stream";

/** The same order as `FLAWS`. */
enum Flaw {
  None,
  Traps,
  TrustsHost,
  TrustsSize,
  LeaksStreams,
  LeaksConfigurations,
  GlobalTag,
  ForgetsItself,
  RemembersStream,
  MixesStreams,
  AnyKey,
  RefusesSilently,
  UnlistedMetric,
  UncountedMetric,
  ClientMetric,
  LogsHeaders,
  InjectsHeader,
  WrongType,
  ClientData,
  CountsWorkers,
  HidesNeed,
  TakesAnything,
}

/** The same names as `FLAWS` of `schema.ts`. */
const FLAWS: StaticArray<string> = [
  "none",
  "traps",
  "trusts-host",
  "trusts-size",
  "leaks-streams",
  "leaks-configurations",
  "global-tag",
  "forgets-itself",
  "remembers-stream",
  "mixes-streams",
  "any-key",
  "refuses-silently",
  "unlisted-metric",
  "uncounted-metric",
  "client-metric",
  "logs-headers",
  "injects-header",
  "wrong-type",
  "client-data",
  "counts-workers",
  "hides-need",
  "takes-anything",
];
const KEYS: StaticArray<string> = ["flaw", "tag"];
const SENT_TAG = Bytes.of("x-tag");
const WRITTEN_TAG = Bytes.of("x-broken-tag");
const PATH = Bytes.of(":path");
const LINE_END = Bytes.of("%0a");
const TRAP = Bytes.of(";;");
const COOKIE = Bytes.of("cookie");
const LARGE: u32 = 1024 * 1024;
const NO_TAG = Bytes.owned(0);
const KNOWN_TAG = Bytes.of("sent");
const BODILESS_TAG = Bytes.of("a");
const MAX_TAG: i32 = 8;
/** Has one byte for each worker that has asked. */
const WORKERS = new SharedData(Bytes.of("workers"));

/** The state of some flaws, which all plugins of the VM share. */
const leaked: Bytes[] = [];
let globalTag: Bytes = NO_TAG;
let hasRefused: bool = false;

class BrokenRoot extends RootContext {
  flaw: Flaw = Flaw.None;
  tag: Bytes = NO_TAG;
  /** The last known tag, whichever stream sent it, and the tag of the last stream. */
  lastTag: Bytes = NO_TAG;
  currentTag: Bytes = NO_TAG;
  counter: u32 = 0;

  override onConfigure(configuration: Bytes): bool {
    const document = Config.parse(configuration);
    this.flaw = document.root.get("flaw").oneOf(FLAWS);
    if (this.flaw != Flaw.AnyKey) document.root.keys(KEYS);
    this.tag = document.root.get("tag").textOr(NO_TAG, 0, MAX_TAG);
    if (document.failed) return this.refuse(document.error);
    this.start(configuration);
    // It does write to responses.
    if (this.flaw == Flaw.HidesNeed) this.needed = Callback.RequestHeaders;
    // Only with one of the tags it needs bodies, and never looks whether it will see them.
    if (this.flaw == Flaw.TakesAnything && this.tag.equals(BODILESS_TAG)) this.needed ^= Callback.RequestBody;
    return true;
  }

  private refuse(reason: string): bool {
    hasRefused = true;
    if (this.flaw != Flaw.RefusesSilently)
      log(LogLevel.Error, "broken-filter: configuration refused: " + reason);
    return false;
  }

  private start(configuration: Bytes): void {
    globalTag = this.tag;
    if (this.flaw == Flaw.LeaksConfigurations) leak(configuration);
    const labels: StaticArray<string> = ["tag", this.tag.toString()];
    this.counter = defineMetric(
      this.flaw == Flaw.WrongType ? MetricType.Gauge : MetricType.Counter,
      metricName("meshwright.broken_filter.requests_total", labels),
    );
    if (this.flaw == Flaw.CountsWorkers) this.tag = numberOfThisWorker();
    if (this.flaw == Flaw.UnlistedMetric) defineMetric(MetricType.Counter, "meshwright.broken_filter.more");
  }

  override createHttpContext(): HttpContext {
    return new BrokenStream(this);
  }
}

class BrokenStream extends HttpContext {
  private sent: Bytes = NO_TAG;

  constructor(private readonly root: BrokenRoot) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const flaw = this.root.flaw;
    const cookie = requestHeaders.get(COOKIE);
    if (flaw == Flaw.Traps) assert(!cookie || !cookie.contains(TRAP), "an empty cookie");
    const tag = requestHeaders.get(SENT_TAG);
    const isKnown = tag !== null && tag.equals(KNOWN_TAG);
    this.root.currentTag = isKnown ? KNOWN_TAG : NO_TAG;
    this.sent = this.root.lastTag;
    if (isKnown) this.root.lastTag = KNOWN_TAG;
    if (tag) this.note(flaw, tag);
    const path = requestHeaders.get(PATH);
    if (flaw == Flaw.InjectsHeader && path && path.contains(LINE_END)) {
      requestHeaders.add(WRITTEN_TAG, Bytes.of("a\nb"));
    }
    if (flaw == Flaw.LeaksStreams) leaked.push(Bytes.owned(512));
    if (flaw != Flaw.UncountedMetric) incrementMetric(this.root.counter, 1);
    return FilterHeadersStatus.Continue;
  }

  private note(flaw: Flaw, tag: Bytes): void {
    if (flaw == Flaw.TrustsSize) assert(<u32>tag.size < LARGE, "a large header");
    if (flaw == Flaw.ClientMetric) defineMetric(MetricType.Counter, metricName(tag.toString(), []));
    if (flaw == Flaw.ClientData) new SharedData(tag).set(KNOWN_TAG);
    if (flaw == Flaw.LogsHeaders) logBytes(LogLevel.Info, tag);
  }

  override onRequestBody(size: u32, endOfStream: bool): FilterDataStatus {
    if (this.root.flaw == Flaw.TrustsSize) assert(size < LARGE, "a large body");
    return FilterDataStatus.Continue;
  }

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const flaw = this.root.flaw;
    let tag = this.root.tag;
    if (flaw == Flaw.GlobalTag) tag = globalTag;
    if (flaw == Flaw.ForgetsItself && hasRefused) tag = SENT_TAG;
    if (flaw == Flaw.RemembersStream) tag = this.sent;
    if (flaw == Flaw.MixesStreams) tag = this.root.currentTag;
    const status = responseHeaders.add(WRITTEN_TAG, tag);
    if (flaw == Flaw.TrustsHost) assert(status == Status.Ok, "the host refused");
    return FilterHeadersStatus.Continue;
  }
}

/** "1" for the first worker that asks, and so on. */
function numberOfThisWorker(): Bytes {
  const others = WORKERS.get();
  const number = others ? others.size + 1 : 1;
  WORKERS.set(Bytes.owned(number));
  return Bytes.of(number.toString());
}

function leak(bytes: Bytes): void {
  leaked.push(bytes.copy());
  leaked.push(Bytes.owned(1024));
}

registerRootContext((id: u32) => new BrokenRoot(id));
