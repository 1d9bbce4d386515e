// Compiles the configuration once, so that a request only compares and counts. Its TypeScript twin
// is `schema.ts`.

import { Bytes, Callback } from "../../assembly";
import { ConfigNode, hasRepeat } from "../../assembly/config";
import {
  DecisionProperty,
  KEY_PARTS,
  KeyVocabulary,
  parseAddressRanges,
  parseExplainHeader,
  parseExplainProperty,
  parseKey,
  parseMatch,
  parseRuleSelection,
  parseTestedHeader,
  RequestMatch,
  RequestSlots,
  SELECTION_KEYS,
  theOneOf,
} from "../../assembly/rules";
import { AnswerPolicy, parseAnswer } from "./answer/config";
import { parseConcurrency } from "./concurrency/config";
import {
  COSTS,
  DEFAULT_COST,
  DEFAULT_MAX_COST,
  DENY_MISSING,
  IETF_FIELDS,
  MAX_COST,
  MAX_MATCHES,
  MAX_RULES,
  NO_FIELDS,
  OPENAI_FIELDS,
  REQUEST_COSTS,
  SHARE_MISSING,
  SKIP_MISSING,
  UNSURE_COSTS,
  X_FIELDS,
} from "./limits";
import { parseLocal } from "./local/config";
import { OWN_FIELDS } from "./own-fields";
import { Cost, Exemptions, Missing, RulePolicy } from "./policy";
import { parsePrice } from "./price/config";
import { FieldStyle } from "./response-fields";
import { parseGlobal, parseService } from "./service/config";
import { GlobalRule } from "./service/request";
import { FailureMode, RateLimitService } from "./service/service";

const FILTER = "rate-limit";
const ROOT_KEYS: StaticArray<string> = [
  "explainHeader",
  "explainProperty",
  "headers",
  "answer",
  "service",
  "rules",
];
const OWN_RULE_KEYS: StaticArray<string> = [
  "key",
  "missing",
  "exempt",
  "cost",
  "local",
  "global",
  "concurrency",
];
/** What a rule with `concurrency` cannot have. */
const OTHER_LIMITS: StaticArray<string> = ["cost", "local", "global"];
const RULE_KEYS = SELECTION_KEYS.concat<StaticArray<string>>(OWN_RULE_KEYS);
const EXEMPT_KEYS: StaticArray<string> = ["clientAddresses", "matches"];
const COST_SOURCES = StaticArray.fromArray(COSTS);
const COST_KEYS = COST_SOURCES.concat<StaticArray<string>>(["default", "max"]);
const UNSURE_SOURCES = StaticArray.fromArray(UNSURE_COSTS);
const GLOBAL_KEYS: StaticArray<string> = ["limitOverride", "fallback"];
/** In the order of `FieldStyle`. */
const FIELD_STYLES: StaticArray<string> = [NO_FIELDS, IETF_FIELDS, X_FIELDS, OPENAI_FIELDS];
/** In the order of `Missing`. */
const MISSING: StaticArray<string> = [SKIP_MISSING, SHARE_MISSING, DENY_MISSING];

const EMPTY = Bytes.owned(0);
const VOCABULARY = new KeyVocabulary(StaticArray.fromArray(KEY_PARTS), EMPTY, true);

function parseExplanation(node: ConfigNode): Bytes | null {
  const name = parseExplainHeader(node);
  if (name && OWN_FIELDS.find(name) >= 0) node.fail("must not be a field that says what is left of a limit");
  return name;
}

/** A compiled configuration. Not to be used if its `Config` has a fault. */
@final
export class RateLimitConfig {
  readonly slots: RequestSlots;
  /** `null` if decisions are not explained. */
  readonly explainHeader: Bytes | null;
  readonly explainProperty: DecisionProperty | null;
  /**
   * The slot of that header among the request's headers, because a client may have sent it; -1
   * without one.
   */
  readonly explainSlot: i32;
  readonly fieldStyle: FieldStyle;
  readonly answer: AnswerPolicy;
  readonly service: RateLimitService | null;
  rules: StaticArray<RulePolicy> = [];

  constructor(root: ConfigNode) {
    root.keys(ROOT_KEYS);
    const name = parseExplanation(root.get("explainHeader"));
    const slots = new RequestSlots();
    this.slots = slots;
    this.explainHeader = name;
    this.explainProperty = parseExplainProperty(root.get("explainProperty"), FILTER);
    this.explainSlot = name ? slots.headers.slotOf(name) : -1;
    this.fieldStyle = root.get("headers").oneOfOr(FIELD_STYLES, FieldStyle.None);
    this.answer = parseAnswer(root.get("answer"));
    this.service = parseService(root.get("service"));
    this.rules = this.parseRules(root.get("rules"));
  }

  /** The callbacks of streams that these limits need, as bits of `Callback`. */
  neededCallbacks(): u32 {
    const isExplained = this.explainHeader != null;
    const writes = isExplained || this.fieldStyle != FieldStyle.None || this.service != null;
    let needed: u32 = Callback.RequestHeaders;
    if (writes) needed |= Callback.ResponseHeaders | Callback.Delete;
    for (let i = 0; i < this.rules.length; i++) needed |= this.rules[i].neededCallbacks();
    return needed;
  }

  private parseRules(node: ConfigNode): StaticArray<RulePolicy> {
    const rules = new StaticArray<RulePolicy>(node.array(0, MAX_RULES));
    const names: Bytes[] = [];
    for (let i = 0; i < rules.length; i++) {
      rules[i] = this.parseRule(node.at(i));
      names.push(rules[i].selection.name);
    }
    if (hasRepeat(names)) node.fail("name a rule twice");
    return rules;
  }

  private parseRule(node: ConfigNode): RulePolicy {
    node.keys(RULE_KEYS);
    const slots = this.slots;
    const selection = parseRuleSelection(node, slots);
    const key = parseKey(node.get("key"), slots, VOCABULARY);
    const missing = <Missing>node.get("missing").oneOfOr(MISSING, Missing.Share);
    const exempt = parseExemptions(node.get("exempt"), slots);
    const cost = parseCost(node.get("cost"), slots);
    const price = parsePrice(node.get("cost"));
    const local = parseLocal(node.get("local"), price ? price.mostOwed : 0);
    const global = node.get("global");
    const concurrency = parseConcurrency(node.get("concurrency"));
    if (concurrency) failBesideConcurrency(node);
    else if (!local && !global.present) node.fail("needs local, global or both, or concurrency");
    if (price) failUnpriceable(node);
    if (!global.present) {
      return new RulePolicy(selection, key, missing, exempt, cost, price, local, null, concurrency, null);
    }
    if (key.count == 0) global.fail("needs 'key'");
    const asked = this.parseGlobalRule(global);
    const fallback = parseLocal(global.get("fallback"));
    return new RulePolicy(selection, key, missing, exempt, cost, price, local, asked, concurrency, fallback);
  }

  private parseGlobalRule(node: ConfigNode): GlobalRule {
    node.keys(GLOBAL_KEYS);
    const service = this.service;
    if (!service) node.fail("needs 'service'");
    else if (service.failureMode == FailureMode.Local && !node.get("fallback").present) {
      node.fail("needs 'fallback' in failureMode local");
    }
    return parseGlobal(node);
  }
}

function parseExemptions(node: ConfigNode, slots: RequestSlots): Exemptions | null {
  if (!node.present) return null;
  node.keys(EXEMPT_KEYS);
  const addresses = node.get("clientAddresses");
  const list = node.get("matches");
  if (!addresses.present && !list.present) node.fail("needs clientAddresses, matches or both");
  const matches = new StaticArray<RequestMatch>(list.present ? list.array(1, MAX_MATCHES) : 0);
  for (let i = 0; i < matches.length; i++) matches[i] = parseMatch(list.at(i), slots);
  return new Exemptions(parseAddressRanges(addresses), matches);
}

/** Requests in flight are counted one by one, by a rule of their own. */
function failBesideConcurrency(node: ConfigNode): void {
  for (let i = 0; i < OTHER_LIMITS.length; i++) {
    const other = node.get(OTHER_LIMITS[i]);
    if (other.present) other.fail("cannot stand beside 'concurrency'");
  }
}

/** A cost that only the answer says needs a limit of this Envoy that can wait for it. */
function failUnpriceable(node: ConfigNode): void {
  if (node.get("global").present) node.get("global").fail("cannot count a cost that the answer says");
  const lease = node.get("local").get("lease");
  if (lease.present && lease.boolOr(false)) lease.fail("cannot hold a cost that the answer says");
}

/** What the request says. Where the answer says the cost, the request needs room for 1. */
function parseCost(node: ConfigNode, slots: RequestSlots): Cost {
  if (!node.present) return new Cost(-1, DEFAULT_COST, DEFAULT_COST);
  node.keys(COST_KEYS);
  const source = theOneOf(node, COST_SOURCES);
  const otherwise = node.get("default");
  const most = node.get("max");
  const isSure = source >= 0 && UNSURE_SOURCES.indexOf(COST_SOURCES[source]) < 0;
  if (isSure && (otherwise.present || most.present)) {
    node.fail(`'default' and 'max' need one of ${UNSURE_SOURCES.join(", ")}`);
  }
  if (source == 0) return new Cost(-1, <u32>node.get("fixed").integer(0, MAX_COST), 0);
  if (source >= REQUEST_COSTS) return new Cost(-1, DEFAULT_COST, DEFAULT_COST);
  const header = node.get("header");
  const slot = header.present ? slots.header(parseTestedHeader(header)) : -1;
  const fallback = otherwise.integerOr(0, MAX_COST, DEFAULT_COST);
  return new Cost(slot, <u32>fallback, <u32>most.integerOr(1, MAX_COST, DEFAULT_MAX_COST));
}
