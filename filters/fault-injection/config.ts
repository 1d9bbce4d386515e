// Compiles the configuration once, so that a request only compares and draws. Its TypeScript twin
// is `schema.ts`.

import { Bytes, Callback } from "../../assembly";
import { ConfigNode, hasRepeat, parseDurationOr, parseLabel } from "../../assembly/config";
import {
  countPresent,
  DecisionProperty,
  parseExplainHeader,
  parseExplainProperty,
  parseMatch,
  parsePercentage,
  parseRuleSelection,
  parseWrittenHeader,
  RequestSlots,
  SELECTION_KEYS,
} from "../../assembly/rules";
import { CLIENT_HEADERS, ClientFaults } from "./client-faults";
import { parseDelay } from "./delay-config";
import {
  parseAbort,
  parseAbortAfter,
  parseBlackHole,
  parseResponseFault,
  parseTlsFailure,
} from "./fault-config";
import { parseInstantOr } from "./instant";
import {
  ABORT_HEADER,
  CLIENT_MAX_ACTIVE,
  CLIENT_MAX_BODY_BYTES,
  CLIENT_MAX_DELAY_MS,
  CLIENT_NAME,
  DELAY_HEADER,
  DOWNSTREAM,
  FAULTS,
  GRPC_ABORT_HEADER,
  LAST_FAULTS,
  MAX_ACTIVE,
  MAX_BYTES,
  MAX_DELAY_MS,
  MAX_RULES,
  PERCENTAGE_HEADER,
  UPSTREAM,
} from "./limits";
import { Period, Rule } from "./policy";
import { parseTurns } from "./turn-config";

const ROOT_KEYS: StaticArray<string> = [
  "where",
  "explainHeader",
  "explainProperty",
  "maxActive",
  "clientFaults",
  "rules",
];
const CHAINS: StaticArray<string> = [DOWNSTREAM, UPSTREAM];
const FAULT_KEYS = StaticArray.fromArray(FAULTS);
const LAST_FAULT_KEYS = StaticArray.fromArray(LAST_FAULTS);
const RULE_KEYS = SELECTION_KEYS.concat<StaticArray<string>>(["turns", "from", "until", "maxActive"]).concat<
  StaticArray<string>
>(FAULT_KEYS);

/** By `ClientHeader`. */
const CLIENT_HEADER_KEYS: StaticArray<string> = [
  "delayHeader",
  "abortHeader",
  "grpcAbortHeader",
  "percentageHeader",
];
const CLIENT_KEYS = CLIENT_HEADER_KEYS.concat<StaticArray<string>>([
  "name",
  "match",
  "maxDelay",
  "maxPercentage",
  "maxActive",
  "maxBodyBytes",
]);
const CONTENT_LENGTH = Bytes.of("content-length");
const CONTENT_TYPE = Bytes.of("content-type");
const CLIENT_HEADER_NAMES: StaticArray<Bytes> = [
  Bytes.of(DELAY_HEADER),
  Bytes.of(ABORT_HEADER),
  Bytes.of(GRPC_ABORT_HEADER),
  Bytes.of(PERCENTAGE_HEADER),
];
const FILTER = "fault-injection";
const DEFAULT_CLIENT_NAME = Bytes.of(CLIENT_NAME);

/** A compiled configuration. Not to be used if its `Config` has a fault. */
@final
export class FaultInjectionConfig {
  /** In a cluster's chain, which sees each attempt. */
  readonly upstream: bool;
  readonly explainHeader: Bytes | null;
  readonly explainProperty: DecisionProperty | null;
  /** Faults that may be active at once; 0 for any number. */
  readonly maxActive: u32;
  readonly clientFaults: ClientFaults | null;
  readonly rules: StaticArray<Rule>;
  readonly slots: RequestSlots;

  constructor(root: ConfigNode) {
    root.keys(ROOT_KEYS);
    const upstream = root.get("where").oneOfOr(CHAINS, 0) == 1;
    this.upstream = upstream;
    this.explainHeader = parseExplainHeader(root.get("explainHeader"));
    this.explainProperty = parseExplainProperty(root.get("explainProperty"), FILTER);
    this.maxActive = parseMaxActive(root.get("maxActive"), 0);
    const slots = new RequestSlots();
    this.slots = slots;
    this.clientFaults = parseClientFaults(root.get("clientFaults"), slots);
    this.rules = parseRules(root.get("rules"), slots, upstream);
    this.checkClientName(root.get("clientFaults").get("name"));
  }

  /** The callbacks of streams that these faults need, as bits of `Callback`. */
  neededCallbacks(): u32 {
    const explained: u32 = this.explainHeader ? HELD : 0;
    let needed: u32 = Callback.RequestHeaders | explained;
    if (this.clientFaults) needed |= this.upstream ? SPOILT : HELD;
    for (let i = 0; i < this.rules.length; i++) needed |= callbacksOf(this.rules[i], this.upstream);
    return needed;
  }

  private checkClientName(node: ConfigNode): void {
    const client = this.clientFaults;
    if (!client) return;
    for (let i = 0; i < this.rules.length; i++) {
      if (this.rules[i].selection.name.equals(client.name)) node.fail("is a rule's name too");
    }
  }
}

/** A request that is held may be answered by something else meanwhile, or go. */
const HELD: u32 = Callback.ResponseHeaders | Callback.Delete;
/** A response is spoilt as it passes. */
const SPOILT: u32 = HELD | Callback.ResponseBody | Callback.ResponseTrailers;

function callbacksOf(rule: Rule, upstream: bool): u32 {
  // The response must not end before a call is broken off.
  if (rule.countsMessages) return SPOILT | Callback.RequestBody;
  // In a cluster's chain an abort takes the place of the response.
  const spoils = rule.response != null || (upstream && rule.abort != null);
  if (spoils) return SPOILT;
  return rule.delay || rule.blackHole ? HELD : 0;
}

function parseMaxActive(node: ConfigNode, fallback: i64): u32 {
  return <u32>node.integerOr(1, MAX_ACTIVE, fallback);
}

function parseRules(node: ConfigNode, slots: RequestSlots, upstream: bool): StaticArray<Rule> {
  const rules = new StaticArray<Rule>(node.array(0, MAX_RULES));
  const names: Bytes[] = [];
  for (let i = 0; i < rules.length; i++) {
    rules[i] = parseRule(node.at(i), i, slots, upstream);
    names.push(rules[i].selection.name);
  }
  if (hasRepeat(names)) node.fail("name a rule twice");
  return rules;
}

function parseRule(node: ConfigNode, number: i32, slots: RequestSlots, upstream: bool): Rule {
  node.keys(RULE_KEYS);
  const selection = parseRuleSelection(node, slots);
  const from = parseInstantOr(node.get("from"), i64.MIN_VALUE);
  const until = parseInstantOr(node.get("until"), i64.MAX_VALUE);
  if (from >= until) node.fail("'from' must be before 'until'");
  const rule = new Rule(number, selection, new Period(from, until));
  rule.maxActive = parseMaxActive(node.get("maxActive"), 0);
  rule.turns = parseTurns(node.get("turns"), slots, upstream);
  rule.delay = parseDelay(node.get("delay"));
  rule.abort = parseAbort(node.get("abort"));
  const abortAfter = parseAbortAfter(node.get("abort"));
  if (abortAfter > 0) rule.abortAfterMessages(abortAfter, slots.headers.slotOf(CONTENT_TYPE));
  rule.blackHole = node.get("blackHole").present;
  rule.limitMs = parseBlackHole(node.get("blackHole"));
  rule.expectedName = parseTlsFailure(node.get("tlsFailure"), upstream);
  rule.response = parseResponseFault(node.get("response"));
  if (countPresent(node, FAULT_KEYS) == 0) node.fail("needs at least one of " + FAULT_KEYS.join(", "));
  if (countPresent(node, LAST_FAULT_KEYS) > 1)
    node.fail("must have at most one of " + LAST_FAULT_KEYS.join(", "));
  return rule;
}

function parseClientFaults(node: ConfigNode, slots: RequestSlots): ClientFaults | null {
  if (!node.present) return null;
  node.keys(CLIENT_KEYS);
  const label = node.get("name");
  const match = parseMatch(node.get("match"), slots);
  const headers = new StaticArray<Bytes>(CLIENT_HEADERS);
  const headerSlots = new StaticArray<i32>(CLIENT_HEADERS);
  for (let i = 0; i < CLIENT_HEADERS; i++) {
    const item = node.get(CLIENT_HEADER_KEYS[i]);
    headers[i] = item.present ? parseWrittenHeader(item) : CLIENT_HEADER_NAMES[i];
    headerSlots[i] = slots.headers.slotOf(headers[i]);
  }
  if (hasRepeat(headers.slice<Array<Bytes>>())) node.fail("name a header twice");
  return new ClientFaults(
    label.present ? parseLabel(label) : DEFAULT_CLIENT_NAME,
    match,
    headers,
    headerSlots,
    <u32>parseDurationOr(node.get("maxDelay"), 0, MAX_DELAY_MS, CLIENT_MAX_DELAY_MS),
    parsePercentage(node.get("maxPercentage")),
    parseMaxActive(node.get("maxActive"), CLIENT_MAX_ACTIVE),
    slots.headers.slotOf(CONTENT_LENGTH),
    node.get("maxBodyBytes").integerOr(0, MAX_BYTES, CLIENT_MAX_BODY_BYTES),
  );
}
