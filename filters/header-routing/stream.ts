// One request: decides where it goes, and does what the rule says beside that, or in its place.

import {
  Bytes,
  FilterHeadersStatus,
  HttpContext,
  incrementMetric,
  NO_GRPC_STATUS,
  Reply,
  requestHeaders,
  requestProtocol,
  responseHeaders,
  TextBuffer,
} from "../../assembly";
import { Actions } from "./actions/actions";
import { HeaderEdits } from "./actions/header-edits";
import { isPath } from "./actions/path-change";
import { Redirect } from "./actions/redirect";
import { UNUSED } from "./config";
import { MIRROR_HEADER, ORIGINAL_PATH_HEADER } from "./limits";
import { Plugin } from "./plugin";
import { Target } from "./split";

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
@final
export class HeaderRoutingStream extends HttpContext {
  /** What the response's headers need. */
  private responseEdits: HeaderEdits | null = null;
  /** The value of `set-cookie` for a visitor of a split; empty if the response sets none. */
  private readonly setCookie: TextBuffer = new TextBuffer();

  constructor(private readonly plugin: Plugin) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const config = this.plugin.config;
    this.plugin.request.begin();
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
    const request = this.plugin.request;
    const rules = this.plugin.config.rules;
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
    const property = this.plugin.config.explainProperty;
    if (property) property.add(target.decision);
  }

  private act(actions: Actions | null): void {
    const config = this.plugin.config;
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
    const config = this.plugin.config;
    const change = actions ? actions.path : null;
    const target = change ? this.plugin.request.header(config.slots.path) : null;
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
    const request = this.plugin.request;
    const sent = request.header(slot);
    if (sent) {
      if (value && sent.equals(value) && request.count(slot) == 1) return;
      requestHeaders.remove(name);
    }
    if (value) requestHeaders.add(name, value);
  }

  private redirect(target: Target, redirect: Redirect): FilterHeadersStatus {
    const request = this.plugin.request;
    const path = request.header(this.plugin.config.slots.path);
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
