// In a cluster's chain: one attempt at one host. Its response is marked for Envoy's outlier
// detection if the host is much slower than the others.

import {
  Bytes,
  FilterHeadersStatus,
  HttpContext,
  monotonicNanoseconds,
  responseHeaders,
  UpstreamAttributes,
  XdsAttributes,
} from "../../../assembly";
import { Explanation, hash64 } from "../../../assembly/rules";
import { OUTLIER_HEADER } from "../limits";
import { Plugin } from "../plugin";
import { HostVerdict } from "./peers";
import { HostRule } from "./rule";

/** These are known at the request, and no longer at the response. */
const ADDRESS = UpstreamAttributes.address();
const CLUSTER = XdsAttributes.clusterName();
const MARK = Bytes.of(OUTLIER_HEADER);
const IS_OUTLIER = Bytes.of("1");

@final
export class HostAttempt extends HttpContext {
  private readonly explanation: Explanation = new Explanation();
  /** The rules that await this attempt's response; the array may be longer. */
  private readonly rules: Array<HostRule> = [];
  private count: i32 = 0;
  private host: u64 = 0;
  private cluster: u64 = 0;
  private began: u64 = 0;

  constructor(private readonly plugin: Plugin) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const plugin = this.plugin;
    let index = plugin.first();
    if (index < 0) return FilterHeadersStatus.Continue;
    const address = ADDRESS.read();
    if (!address) return FilterHeadersStatus.Continue;
    this.host = hash64(0, address.ptr, address.size);
    const cluster = CLUSTER.read();
    this.cluster = cluster ? hash64(0, cluster.ptr, cluster.size) : 0;
    this.began = monotonicNanoseconds();
    while (index >= 0) {
      const rule = plugin.hostRule(index);
      this.add(rule);
      index = rule.isShadow ? plugin.next() : -1;
    }
    return FilterHeadersStatus.Continue;
  }

  private add(rule: HostRule): void {
    if (this.count == this.rules.length) this.rules.push(rule);
    else unchecked((this.rules[this.count] = rule));
    this.count++;
  }

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    // A mark of the host's own says nothing: it may repeat what a client has sent.
    if (this.judge(true)) responseHeaders.replace(MARK, IS_OUTLIER);
    else responseHeaders.remove(MARK);
    const name = this.plugin.config.explainHeader;
    if (name) this.explanation.writeTo(responseHeaders, name);
    return FilterHeadersStatus.Continue;
  }

  /** Tells all rules that the wait has ended. Whether the response is to be marked. */
  private judge(isAnswer: bool): bool {
    let isMarked = false;
    for (let i = 0; i < this.count; i++) {
      const rule = unchecked(this.rules[i]);
      const verdict = rule.judge(this.cluster, this.host, this.began, isAnswer);
      if (!isAnswer) continue;
      rule.outcomes.count(verdict);
      if (this.plugin.config.explainHeader) this.explanation.add(rule.outcomes.explanation(verdict));
      isMarked = verdict == HostVerdict.Marked && !rule.isShadow;
    }
    this.count = 0;
    return isMarked;
  }

  override onRecycle(): bool {
    // There was no response. A client may have lost patience, or the route.
    if (this.count > 0) this.judge(false);
    this.explanation.clear();
    return true;
  }
}
