// header-routing: writes the destination of a request into a header that Envoy's routes match, and
// does what the rule says beside that, or in its place.

import {
  Bytes,
  Callback,
  defineMetric,
  FilterHeadersStatus,
  FilterRoot,
  HttpContext,
  incrementMetric,
  MetricType,
  metricName,
  NO_GRPC_STATUS,
  Reply,
  registerRootContext,
  requestHeaders,
  requestProtocol,
  responseHeaders,
  TextBuffer,
} from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { DecisionProperty, HostRequestView } from "../../assembly/rules";
import { Actions } from "./actions/actions";
import { HeaderEdits } from "./actions/header-edits";
import { isPath } from "./actions/path-change";
import { Redirect } from "./actions/redirect";
import { HeaderRoutingConfig, UNUSED } from "./config";
import { MIRROR_HEADER, ORIGINAL_PATH_HEADER } from "./limits";
import { Target } from "./split";

export {
  left_out_callbacks,
  malloc,
  needed_callbacks,
  proxy_abi_version_0_2_1,
  proxy_on_configure,
} from "../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../assembly/exports/stream";

const AUTHORITY = Bytes.of(":authority");
const PATH = Bytes.of(":path");
const SCHEME = Bytes.of(":scheme");
const LOCATION = Bytes.of("location");
const MIRROR = Bytes.of(MIRROR_HEADER);
const ORIGINAL_PATH = Bytes.of(ORIGINAL_PATH_HEADER);
const NOTHING = Bytes.owned(0);
/** For response code details. */
const REDIRECTED = Bytes.of("header_routing_redirect");
const ANSWERED = Bytes.of("header_routing_answer");
const NO_HOST = Bytes.of("header_routing_no_host");
const BAD_REQUEST = new Reply(400, NO_GRPC_STATUS, NOTHING, null, [], Bytes.of("the request has no host"));
const SET_COOKIE = Bytes.of("set-cookie");
const DECISIONS = "meshwright.header_routing.decisions_total";
const SHADOW_DECISIONS = "meshwright.header_routing.shadow_decisions_total";
/** Before the destination in `explainProperty`. */
const SHADOW_PREFIX = "shadow-";

/** What serves streams by one configuration. */
@final
class Router {
  /** Of one stream after another: it is used in the callback of request headers alone. */
  readonly request: HostRequestView;

  constructor(readonly config: HeaderRoutingConfig) {
    this.request = new HostRequestView(config.slots);
  }
}

@final
class RoutedStream extends HttpContext {
  /** What the response's headers need. */
  private responseEdits: HeaderEdits | null = null;
  /** The value of `set-cookie` for a visitor of a split; empty if the response sets none. */
  private readonly setCookie: TextBuffer = new TextBuffer();

  constructor(private readonly router: Router) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const config = this.router.config;
    this.router.request.begin();
    const target = this.decide();
    if (target) {
      const redirect = target.redirect;
      if (redirect) return this.redirect(target, redirect);
      const answer = target.answer;
      if (answer) return this.reply(target, answer, ANSWERED);
    }
    this.write(config.destinationHeader, config.destinationSlot, target ? target.destination : null);
    if (target) this.count(target);
    this.act(target ? target.actions : null);
    return FilterHeadersStatus.Continue;
  }

  /** The application's own cookies stay beside the visitor's, which no edit removes. */
  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const edits = this.responseEdits;
    if (edits) edits.apply(responseHeaders);
    if (this.setCookie.size > 0) responseHeaders.add(SET_COOKIE, this.setCookie.text());
    return FilterHeadersStatus.Continue;
  }

  override onRecycle(): bool {
    this.responseEdits = null;
    this.setCookie.clear();
    return true;
  }

  /** The target of the first rule that decides. Those in shadow mode before it are counted. */
  private decide(): Target | null {
    const request = this.router.request;
    const rules = this.router.config.rules;
    let rule = rules.first(request);
    while (rule && rule.isShadow) {
      const target = rule.choose(request, null);
      if (target) this.count(target);
      rule = rules.next(request);
    }
    return rule ? rule.choose(request, this.setCookie) : null;
  }

  private count(target: Target): void {
    incrementMetric(target.counter, 1);
    const property = this.router.config.explainProperty;
    if (property) property.add(target.decision);
  }

  private act(actions: Actions | null): void {
    const config = this.router.config;
    if (config.mirrorSlot != UNUSED) this.write(MIRROR, config.mirrorSlot, actions ? actions.mirror : null);
    if (config.originalPathSlot != UNUSED) this.rewritePath(actions);
    if (!actions) return;
    const host = actions.host;
    if (host) requestHeaders.replace(AUTHORITY, host);
    const edits = actions.requestHeaders;
    if (edits) edits.apply(requestHeaders);
    if (actions.responseHeaders) this.responseEdits = actions.responseHeaders;
  }

  private rewritePath(actions: Actions | null): void {
    const config = this.router.config;
    const change = actions ? actions.path : null;
    const target = change ? this.router.request.header(config.slots.path) : null;
    const path = target && isPath(target) ? target : null;
    this.write(ORIGINAL_PATH, config.originalPathSlot, path);
    if (change && path) requestHeaders.replace(PATH, change.of(path, true));
  }

  /**
   * Each edit makes Envoy choose its route again. So a header that already has the right value,
   * once, is left alone.
   * @param value `null` for no header
   */
  private write(name: Bytes, slot: i32, value: Bytes | null): void {
    const request = this.router.request;
    const sent = request.header(slot);
    if (sent) {
      if (value && sent.equals(value) && request.count(slot) == 1) return;
      requestHeaders.remove(name);
    }
    if (value) requestHeaders.add(name, value);
  }

  private redirect(target: Target, redirect: Redirect): FilterHeadersStatus {
    const request = this.router.request;
    const path = request.header(this.router.config.slots.path);
    const isAbsolute = redirect.isAbsolute;
    const authority = isAbsolute ? requestHeaders.get(AUTHORITY) : null;
    const scheme = isAbsolute ? requestHeaders.get(SCHEME) : null;
    const location = redirect.location(path, authority, scheme);
    if (location) return this.reply(target, redirect.reply, REDIRECTED, location);
    return this.reply(target, BAD_REQUEST, NO_HOST);
  }

  private reply(
    target: Target,
    reply: Reply,
    details: Bytes,
    location: Bytes = NOTHING,
  ): FilterHeadersStatus {
    this.count(target);
    reply.send(requestProtocol(), details, NOTHING, LOCATION, location);
    return FilterHeadersStatus.StopIteration;
  }
}

@final
class HeaderRoutingRoot extends FilterRoot<HeaderRoutingConfig, Router> {
  override parse(root: ConfigNode): HeaderRoutingConfig {
    return new HeaderRoutingConfig(root);
  }

  /** A redirect and an answer of the filter's own pass as responses, and need nothing of them. */
  override neededCallbacks(config: HeaderRoutingConfig): u32 {
    if (!config.changesResponses) return Callback.RequestHeaders;
    return Callback.RequestHeaders | Callback.ResponseHeaders | Callback.Delete;
  }

  override accept(config: HeaderRoutingConfig): Router {
    defineCounters(config.targets);
    const property = config.explainProperty;
    if (property) describeDecisions(config.targets, property);
    return new Router(config);
  }

  /** Where no response is changed, nothing is kept for a stream. */
  override sharedContext(router: Router): HttpContext | null {
    return router.config.changesResponses ? null : new RoutedStream(router);
  }

  override streamContext(router: Router): HttpContext {
    return new RoutedStream(router);
  }
}

function defineCounters(targets: Array<Target>): void {
  for (let i = 0; i < targets.length; i++) {
    const target = targets[i];
    const labels: StaticArray<string> = ["rule", target.rule, "destination", target.destination.toString()];
    const name = metricName(target.isShadow ? SHADOW_DECISIONS : DECISIONS, labels);
    target.counter = defineMetric(MetricType.Counter, name);
  }
}

function describeDecisions(targets: Array<Target>, property: DecisionProperty): void {
  for (let i = 0; i < targets.length; i++) {
    const target = targets[i];
    const word = (target.isShadow ? SHADOW_PREFIX : "") + target.destination.toString();
    target.decision = property.item(target.rule + ":" + word);
  }
}

registerRootContext((id: u32) => new HeaderRoutingRoot(id, "header-routing"));
