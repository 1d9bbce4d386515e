// Compiles the configuration once, so that a request only compares. Its TypeScript twin is
// `schema.ts`.

import { Bytes } from "../../assembly";
import { ConfigNode, hasRepeat, parseDurationOr } from "../../assembly/config";
import {
  BytesTable,
  DecisionProperty,
  KEY_PARTS,
  KeyVocabulary,
  parseExplainHeader,
  parseExplainProperty,
  parseKey,
  parseRuleSelection,
  RequestSlots,
  SELECTION_KEYS,
} from "../../assembly/rules";
import { KeepPolicy } from "./keep";
import { parseKeep } from "./keep-config";
import {
  DEFAULT_ANSWERS,
  DEFAULT_MAX_AGE_MS,
  DEFAULT_REVALIDATE_MS,
  DEFAULT_STALE_IF_ERROR_MS,
  MAX_AGE_MS,
  MAX_ANSWERS,
  MAX_KEPT_STATUS,
  MAX_REVALIDATE_MS,
  MAX_RULES,
  MIN_AGE_MS,
  MIN_FAILED_STATUS,
  MIN_REVALIDATE_MS,
  NAMED_QUERY,
  WHOLE_QUERY,
} from "./limits";
import { ServePolicy } from "./policy";
import { RulePolicy } from "./rule";
import { parseServe } from "./serve-config";

const FILTER = "fallback";
const ROOT_KEYS: StaticArray<string> = ["explainHeader", "explainProperty", "rules"];
const OWN_RULE_KEYS: StaticArray<string> = [
  "query",
  "key",
  "answers",
  "keep",
  "serve",
  "revalidate",
  "maxAge",
  "staleIfError",
];
const RULE_KEYS = SELECTION_KEYS.concat<StaticArray<string>>(OWN_RULE_KEYS);
const REVALIDATE_KEYS: StaticArray<string> = ["timeout"];
const QUERIES: StaticArray<string> = [WHOLE_QUERY, NAMED_QUERY];
const PARTS = StaticArray.fromArray(KEY_PARTS);
const MILLISECONDS_PER_SECOND: u64 = 1000;
const NOTHING = Bytes.owned(0);

/** The slots of the request headers that decide whether a request is one for this filter. */
@final
export class RequestHeaders {
  readonly scheme: i32;
  readonly authority: i32;
  readonly path: i32;
  readonly authorization: i32;
  readonly cookie: i32;
  readonly cacheControl: i32;
  readonly acceptEncoding: i32;
  readonly contentType: i32;
  /** Those with which no request is one. */
  readonly excluding: StaticArray<i32>;

  constructor(slots: RequestSlots) {
    slots.needMethod();
    slots.needPath();
    slots.needCookie();
    const headers = slots.headers;
    this.scheme = headers.slotOf(Bytes.of(":scheme"));
    this.authority = slots.needAuthority();
    this.path = slots.path;
    this.authorization = headers.slotOf(Bytes.of("authorization"));
    this.cookie = slots.cookie;
    this.cacheControl = headers.slotOf(Bytes.of("cache-control"));
    this.acceptEncoding = headers.slotOf(Bytes.of("accept-encoding"));
    this.contentType = headers.slotOf(Bytes.of("content-type"));
    this.excluding = [
      headers.slotOf(Bytes.of("range")),
      headers.slotOf(Bytes.of("if-range")),
      headers.slotOf(Bytes.of("if-match")),
      headers.slotOf(Bytes.of("if-unmodified-since")),
      headers.slotOf(Bytes.of("upgrade")),
    ];
  }
}

/** A compiled configuration. Not to be used if its `Config` has a fault. */
@final
export class FallbackConfig {
  readonly slots: RequestSlots = new RequestSlots();
  readonly headers: RequestHeaders = new RequestHeaders(this.slots);
  readonly explainHeader: Bytes | null;
  readonly explainProperty: DecisionProperty | null;
  rules: StaticArray<RulePolicy> = [];

  constructor(root: ConfigNode) {
    root.keys(ROOT_KEYS);
    this.explainHeader = parseExplainHeader(root.get("explainHeader"));
    this.explainProperty = parseExplainProperty(root.get("explainProperty"), FILTER);
    this.rules = this.parseRules(root.get("rules"));
  }

  /** The size of the largest body that is kept. */
  get maxBody(): i32 {
    let most = 0;
    for (let i = 0; i < this.rules.length; i++) most = max(most, this.rules[i].keep.maxBody);
    return most;
  }

  private parseRules(node: ConfigNode): StaticArray<RulePolicy> {
    const vocabulary = new KeyVocabulary(PARTS, NOTHING, false);
    const rules = new StaticArray<RulePolicy>(node.array(0, MAX_RULES));
    const names: Bytes[] = [];
    for (let i = 0; i < rules.length; i++) {
      rules[i] = this.parseRule(node.at(i), vocabulary);
      names.push(rules[i].selection.name);
    }
    if (hasRepeat(names)) node.fail("name a rule twice");
    return rules;
  }

  private parseRule(node: ConfigNode, vocabulary: KeyVocabulary): RulePolicy {
    node.keys(RULE_KEYS);
    const selection = parseRuleSelection(node, this.slots);
    const keyNode = node.get("key");
    const key = parseKey(keyNode, this.slots, vocabulary);
    const namesQuery = namesIn(keyNode, "query").length > 0;
    const query = node.get("query").oneOfOr(QUERIES, namesQuery ? 1 : 0);
    if (query == 0 && namesQuery) node.fail("'query: whole' has no need of a part 'query' in 'key'");
    const keep = parseKeep(node.get("keep"));
    const serve = parseServe(node.get("serve"));
    if (overlaps(keep, serve)) node.fail("must not have a status in both 'keep' and 'serve'");
    const maxAge = node.get("maxAge");
    const maxAgeMs = parseDurationOr(maxAge, MIN_AGE_MS, MAX_AGE_MS, DEFAULT_MAX_AGE_MS);
    const stale = parseDurationOr(node.get("staleIfError"), 0, MAX_AGE_MS, DEFAULT_STALE_IF_ERROR_MS);
    return new RulePolicy(
      selection,
      key,
      query == 1,
      new BytesTable(StaticArray.fromArray(namesIn(keyNode, "header"))),
      <u32>node.get("answers").integerOr(1, MAX_ANSWERS, DEFAULT_ANSWERS),
      keep,
      serve,
      maxAgeMs / MILLISECONDS_PER_SECOND,
      stale / MILLISECONDS_PER_SECOND,
      parseRevalidate(node.get("revalidate")),
    );
  }
}

/** The names in the key's parts of that kind. `parseKey` has checked the parts. */
function namesIn(key: ConfigNode, kind: string): Array<Bytes> {
  const names: Bytes[] = [];
  const count = key.isArray ? key.array(0, i32.MAX_VALUE) : 0;
  for (let i = 0; i < count; i++) {
    const name = key.at(i).get(kind);
    if (name.isText) names.push(name.text(0, i32.MAX_VALUE));
  }
  return names;
}

/** The time of a call in milliseconds; 0 if the rule makes none. */
function parseRevalidate(node: ConfigNode): u64 {
  node.keys(REVALIDATE_KEYS);
  if (!node.present) return 0;
  return parseDurationOr(node.get("timeout"), MIN_REVALIDATE_MS, MAX_REVALIDATE_MS, DEFAULT_REVALIDATE_MS);
}

/** Whether a rule would keep what it takes for a failure. */
function overlaps(keep: KeepPolicy, serve: ServePolicy): bool {
  for (let status = MIN_FAILED_STATUS; status <= MAX_KEPT_STATUS; status++) {
    if (keep.hasStatus(status) && serve.lists(status)) return true;
  }
  return false;
}
