// Compiles the configuration once, so that a request only compares. Its TypeScript twin is
// `schema.ts`.

import { Bytes, Callback, NO_TIMEOUT } from "../../assembly";
import { ConfigNode, hasRepeat, parseDurationOr } from "../../assembly/config";
import {
  BUCKETS,
  DecisionProperty,
  parseExplainHeader,
  parseExplainProperty,
  parseRuleSelection,
  parseWrittenHeader,
  RequestMatch,
  RequestSlots,
  RuleSelection,
  SELECTION_KEYS,
  SelectionList,
  Share,
  TraceId,
} from "../../assembly/rules";
import {
  DEFAULT_HEADER,
  DEFAULT_MAX_MS,
  DEFAULT_RULE,
  DOWNSTREAM,
  GRPC_TIMEOUT_HEADER,
  INBOUND,
  MAX_MARGIN_MS,
  MAX_RULES,
  MAX_TIME_MS,
  MIN_MARGIN_MS,
  MIN_TIME_MS,
  OUTBOUND,
  PER_TRY_TIMEOUT_HEADER,
  ROUTER_TIMEOUT_HEADER,
  UPSTREAM,
} from "./limits";
import { NANOSECONDS_PER_MILLISECOND, RulePolicy } from "./policy";

const ROOT_KEYS: StaticArray<string> = [
  "where",
  "header",
  "trace",
  "explainHeader",
  "explainProperty",
  "rules",
];
const HEADER_KEYS: StaticArray<string> = ["name", "trusted"];
const OWN_RULE_KEYS: StaticArray<string> = ["default", "max", "margin", "perTry"];
const RULE_KEYS = SELECTION_KEYS.concat<StaticArray<string>>(OWN_RULE_KEYS);
const CHAINS: StaticArray<string> = [DOWNSTREAM, UPSTREAM];
/** In the order of `Side`, without the first. */
const SIDES: StaticArray<string> = [INBOUND, OUTBOUND];

const FILTER = "deadline";
export const GRPC_TIMEOUT = Bytes.of(GRPC_TIMEOUT_HEADER);
const CONTENT_TYPE = Bytes.of("content-type");
/** What the router takes in place of its route's timeouts. */
export const ROUTER_TIMEOUT = Bytes.of(ROUTER_TIMEOUT_HEADER);
export const PER_TRY_TIMEOUT = Bytes.of(PER_TRY_TIMEOUT_HEADER);
/** What the router tells each attempt. */
export const EXPECTED_TIMEOUT = Bytes.of("x-envoy-expected-rq-timeout-ms");

/** On which side of a service the filter stands, if traces carry deadlines through the service. */
export enum Side {
  None,
  Inbound,
  Outbound,
}

function parseHeaderName(node: ConfigNode): Bytes {
  if (!node.present) return Bytes.of(DEFAULT_HEADER);
  const name = parseWrittenHeader(node);
  if (name.equals(GRPC_TIMEOUT) || name.equals(ROUTER_TIMEOUT) || name.equals(PER_TRY_TIMEOUT)) {
    node.fail("must not be a header that this filter writes for another purpose");
  }
  return name;
}

/** A compiled configuration. Not to be used if its `Config` has a fault. */
@final
export class DeadlineConfig {
  readonly slots: RequestSlots = new RequestSlots();
  readonly isUpstream: bool;
  /** The request header with milliseconds, and whether a client may send it. */
  readonly header: Bytes;
  readonly isTrusted: bool;
  readonly side: Side;
  readonly explainHeader: Bytes | null;
  readonly explainProperty: DecisionProperty | null;
  rules: StaticArray<RulePolicy> = [];
  selections: SelectionList = new SelectionList([]);
  readonly grpcTimeout: i32 = this.slots.headers.slotOf(GRPC_TIMEOUT);
  readonly contentType: i32 = this.slots.headers.slotOf(CONTENT_TYPE);
  /** The slot of what the router has been told so far, or tells an attempt. */
  readonly routerTimeout: i32;
  readonly headerSlot: i32;
  readonly traceId: TraceId | null;

  constructor(root: ConfigNode) {
    root.keys(ROOT_KEYS);
    this.isUpstream = root.get("where").oneOfOr(CHAINS, 0) == 1;
    const header = root.get("header");
    if (header.present) header.keys(HEADER_KEYS);
    this.header = parseHeaderName(header.get("name"));
    this.isTrusted = header.get("trusted").boolOr(false);
    this.explainHeader = parseExplainHeader(root.get("explainHeader"));
    this.explainProperty = parseExplainProperty(root.get("explainProperty"), FILTER);
    this.routerTimeout = this.slots.headers.slotOf(this.isUpstream ? EXPECTED_TIMEOUT : ROUTER_TIMEOUT);
    this.headerSlot = this.slots.headers.slotOf(this.header);
    this.side = this.parseSide(root.get("trace"));
    this.traceId = this.side == Side.None ? null : new TraceId(this.slots);
    const rules = root.get("rules");
    this.rules = rules.present ? this.parseRules(rules) : [this.defaultRule(rules)];
    const selections = new StaticArray<RuleSelection>(this.rules.length);
    for (let i = 0; i < selections.length; i++) selections[i] = this.rules[i].selection;
    this.selections = new SelectionList(selections);
  }

  /** The callbacks of streams that these deadlines need, as bits of `Callback`. */
  neededCallbacks(): u32 {
    const remembers: u32 = this.side == Side.Inbound ? Callback.Delete : 0;
    const explained: u32 = this.explainHeader ? Callback.ResponseHeaders | Callback.Delete : 0;
    return Callback.RequestHeaders | remembers | explained;
  }

  private parseSide(node: ConfigNode): Side {
    const place = node.oneOfOr(SIDES, -1);
    if (place >= 0 && this.isUpstream) node.fail("needs where: downstream");
    return <Side>(place + 1);
  }

  private parseRules(node: ConfigNode): StaticArray<RulePolicy> {
    const rules = new StaticArray<RulePolicy>(node.array(1, MAX_RULES));
    const names: Bytes[] = [];
    for (let i = 0; i < rules.length; i++) {
      const item = node.at(i);
      item.keys(RULE_KEYS);
      const selection = parseRuleSelection(item, this.slots);
      names.push(selection.name);
      rules[i] = this.parseRule(item, selection);
    }
    if (hasRepeat(names)) node.fail("name a rule twice");
    return rules;
  }

  private defaultRule(absent: ConfigNode): RulePolicy {
    const share = new Share(BUCKETS, null, 0);
    return this.parseRule(
      absent,
      new RuleSelection(Bytes.of(DEFAULT_RULE), new RequestMatch(), share, false),
    );
  }

  private parseRule(node: ConfigNode, selection: RuleSelection): RulePolicy {
    const fallback = node.get("default");
    const fallbackMs = parseDurationOr(fallback, MIN_TIME_MS, MAX_TIME_MS, 0);
    const most = node.get("max");
    // In a cluster's chain the route's own timeout holds.
    const otherwiseMs = this.isUpstream ? MAX_TIME_MS : max<u64>(DEFAULT_MAX_MS, fallbackMs);
    const mostMs = parseDurationOr(most, MIN_TIME_MS, MAX_TIME_MS, otherwiseMs);
    if (fallbackMs > mostMs) node.fail("'default' must not be above 'max'");
    const margin = parseDurationOr(node.get("margin"), MIN_MARGIN_MS, MAX_MARGIN_MS, MIN_MARGIN_MS);
    const perTry = node.get("perTry");
    if (perTry.present && this.isUpstream) perTry.fail("needs where: downstream");
    return new RulePolicy(
      selection,
      fallback.present ? fallbackMs * NANOSECONDS_PER_MILLISECOND : NO_TIMEOUT,
      mostMs * NANOSECONDS_PER_MILLISECOND,
      margin * NANOSECONDS_PER_MILLISECOND,
      parseDurationOr(perTry, MIN_TIME_MS, MAX_TIME_MS, 0),
    );
  }
}
