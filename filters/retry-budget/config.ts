// Compiles the configuration once, so that a request only compares. Its TypeScript twin is
// `schema.ts`.

import { Bytes, propertyPath } from "../../assembly";
import { ConfigNode, hasRepeat, parseBody, parseDurationOr } from "../../assembly/config";
import {
  BUCKETS,
  countPresent,
  DecisionProperty,
  parseExplainHeader,
  parseExplainProperty,
  parseMethod,
  parsePercentage,
  parseRuleSelection,
  parseTestedHeader,
  RequestMatch,
  RequestSlots,
  RuleSelection,
  SELECTION_KEYS,
  SelectionList,
  Share,
  theOneOf,
} from "../../assembly/rules";
import { Budget, Measure } from "./budget";
import { Callers, Per } from "./callers";
import {
  DEFAULT_ANSWER_STATUS,
  DEFAULT_BUDGET,
  DEFAULT_HEADER_VALUES,
  DEFAULT_NAMES,
  DEFAULT_PERCENTAGE,
  DEFAULT_RETRIES,
  DEFAULT_RETRIES_PER_SECOND,
  DEFAULT_RETRY_CONCURRENCY,
  DEFAULT_TTL_MS,
  DOWNSTREAM,
  MAX_ANSWER_STATUS,
  MAX_BUDGETS,
  MAX_CALLERS,
  MAX_CLUSTER_SIZE,
  MAX_LEAST,
  MAX_METHODS,
  MAX_RETRIABLE_STATUS,
  MAX_RETRIABLE_STATUSES,
  MAX_RETRIES,
  MAX_TTL_MS,
  MEASURES,
  MIN_ANSWER_STATUS,
  MIN_RETRIABLE_STATUS,
  MIN_TTL_MS,
  PER,
  UPSTREAM,
} from "./limits";
import { Methods } from "./policy";
import { Replies } from "./replies";

const ROOT_KEYS: StaticArray<string> = [
  "where",
  "explainHeader",
  "explainProperty",
  "answer",
  "retriableStatusCodes",
  "maxCallers",
  "budgets",
];
const OWN_BUDGET_KEYS: StaticArray<string> = [
  "per",
  "ratio",
  "concurrency",
  "methods",
  "respectDeadline",
  "respectPushback",
  "maxRetries",
];
const BUDGET_KEYS = SELECTION_KEYS.concat<StaticArray<string>>(OWN_BUDGET_KEYS);
/** In the order of `Per`. */
const PER_KEYS = StaticArray.fromArray(PER);
const RATIO_KEYS: StaticArray<string> = ["percentage", "ttl", "minRetriesPerSecond"];
const CONCURRENCY_KEYS: StaticArray<string> = ["percentage", "minRetryConcurrency"];
const ANSWER_KEYS: StaticArray<string> = ["status", "body"];
const CHAINS: StaticArray<string> = [UPSTREAM, DOWNSTREAM];
const MEASURE_KEYS = StaticArray.fromArray(MEASURES);

/** Of `BUCKETS`. */
const DEFAULT_SHARE: u64 = (DEFAULT_PERCENTAGE * BUCKETS) / 100;

const FILTER = "retry-budget";
const CLUSTER_NAME = propertyPath(["xds", "cluster_name"]);
const ROUTE_NAME = propertyPath(["xds", "route_name"]);
const CONTENT_TYPE = Bytes.of("content-type");
const EXPECTED_TIMEOUT = Bytes.of("x-envoy-expected-rq-timeout-ms");
const ATTEMPT_COUNT = Bytes.of("x-envoy-attempt-count");
const GRPC_TIMEOUT = Bytes.of("grpc-timeout");
const MAX_RETRIES_HEADER = Bytes.of("x-envoy-max-retries");
const NOTHING = Bytes.of("");
const NO_SLOT: i32 = -1;

/** A compiled configuration. Not to be used if its `Config` has a fault. */
@final
export class RetryBudgetConfig {
  readonly slots: RequestSlots = new RequestSlots();
  readonly isDownstream: bool;
  readonly explainHeader: Bytes | null;
  readonly explainProperty: DecisionProperty | null;
  /** What the client of a refused retry gets. */
  readonly replies: Replies;
  budgets: StaticArray<Budget> = [];
  selections: SelectionList = new SelectionList([]);
  /** Slots of the headers that decide whether a retry is allowed. */
  readonly contentType: i32 = this.slots.headers.slotOf(CONTENT_TYPE);
  readonly expectedTimeout: i32 = this.slots.headers.slotOf(EXPECTED_TIMEOUT);
  readonly grpcTimeout: i32 = this.slots.headers.slotOf(GRPC_TIMEOUT);
  readonly attemptCount: i32 = this.slots.headers.slotOf(ATTEMPT_COUNT);
  readonly maxRetries: i32 = this.slots.headers.slotOf(MAX_RETRIES_HEADER);
  /** Statuses that routes retry, beside those that every route may retry. */
  readonly retriableStatuses: StaticArray<i64>;
  /** Callers with a budget of their own, by name or by header. */
  private readonly mostNames: i32;
  private readonly mostValues: i32;

  constructor(root: ConfigNode) {
    root.keys(ROOT_KEYS);
    this.isDownstream = root.get("where").oneOfOr(CHAINS, 0) == 1;
    this.explainHeader = parseExplainHeader(root.get("explainHeader"));
    this.explainProperty = parseExplainProperty(root.get("explainProperty"), FILTER);
    const answer = root.get("answer");
    if (answer.present) answer.keys(ANSWER_KEYS);
    const status = <u32>(
      answer.get("status").integerOr(MIN_ANSWER_STATUS, MAX_ANSWER_STATUS, DEFAULT_ANSWER_STATUS)
    );
    this.replies = new Replies(status, parseBody(answer.get("body")));
    this.retriableStatuses = parseStatuses(root.get("retriableStatusCodes"));
    const maxCallers = root.get("maxCallers");
    this.mostNames = <i32>maxCallers.integerOr(1, MAX_CALLERS, DEFAULT_NAMES);
    this.mostValues = maxCallers.present ? this.mostNames : DEFAULT_HEADER_VALUES;
    this.slots.needMethod();
    const budgets = root.get("budgets");
    this.budgets = budgets.present ? this.parseBudgets(budgets) : [this.defaultBudget(budgets)];
    const selections = new StaticArray<RuleSelection>(this.budgets.length);
    for (let i = 0; i < selections.length; i++) selections[i] = this.budgets[i].selection;
    this.selections = new SelectionList(selections);
  }

  private parseBudgets(node: ConfigNode): StaticArray<Budget> {
    const budgets = new StaticArray<Budget>(node.array(1, MAX_BUDGETS));
    const names: Bytes[] = [];
    for (let i = 0; i < budgets.length; i++) {
      const item = node.at(i);
      item.keys(BUDGET_KEYS);
      const selection = parseRuleSelection(item, this.slots);
      names.push(selection.name);
      budgets[i] = this.parseBudget(item, selection);
    }
    if (hasRepeat(names)) node.fail("name a budget twice");
    return budgets;
  }

  private defaultBudget(absent: ConfigNode): Budget {
    const share = new Share(BUCKETS, null, 0);
    const selection = new RuleSelection(Bytes.of(DEFAULT_BUDGET), new RequestMatch(), share, false);
    return this.parseBudget(absent, selection);
  }

  private parseBudget(node: ConfigNode, selection: RuleSelection): Budget {
    const maxRetries = node.get("maxRetries");
    if (maxRetries.present && !this.isDownstream) maxRetries.fail("needs where: downstream");
    return new Budget(
      selection,
      this.parsePer(node.get("per")),
      parseMeasure(node),
      parseMethods(node.get("methods")),
      node.get("respectDeadline").boolOr(true),
      node.get("respectPushback").boolOr(true),
      <u32>maxRetries.integerOr(1, MAX_RETRIES, DEFAULT_RETRIES),
    );
  }

  private parsePer(node: ConfigNode): Callers {
    let per = Per.Cluster;
    if (node.present) {
      node.keys(PER_KEYS);
      per = max(0, theOneOf(node, PER_KEYS));
    }
    const operand = node.get(PER_KEYS[per]);
    if (per == Per.Header) {
      const header = parseTestedHeader(operand);
      return new Callers(per, this.slots.header(header), this.mostValues, header);
    }
    if (per == Per.Cluster && operand.isText) {
      const cluster = operand.text(1, MAX_CLUSTER_SIZE);
      return new Callers(per, NO_SLOT, 1, NOTHING, cluster);
    }
    if (operand.present && !operand.boolOr(false)) operand.fail("must be true");
    const name = per == Per.Route ? ROUTE_NAME : CLUSTER_NAME;
    return new Callers(per, this.slots.attributes.slotOf(name), this.mostNames, NOTHING);
  }
}

function parseMeasure(node: ConfigNode): Measure {
  const ratio = node.get("ratio");
  const concurrency = node.get("concurrency");
  if (countPresent(node, MEASURE_KEYS) > 1) node.fail("must have at most one of " + MEASURE_KEYS.join(", "));
  if (concurrency.present) {
    concurrency.keys(CONCURRENCY_KEYS);
    const least = concurrency.get("minRetryConcurrency").integerOr(0, MAX_LEAST, DEFAULT_RETRY_CONCURRENCY);
    return new Measure(true, parseShare(concurrency), 0, <u64>least);
  }
  if (ratio.present) ratio.keys(RATIO_KEYS);
  const ttlMs = parseDurationOr(ratio.get("ttl"), MIN_TTL_MS, MAX_TTL_MS, DEFAULT_TTL_MS);
  const least = ratio.get("minRetriesPerSecond").integerOr(0, MAX_LEAST, DEFAULT_RETRIES_PER_SECOND);
  return new Measure(false, parseShare(ratio), ttlMs, <u64>least);
}

function parseShare(node: ConfigNode): u64 {
  const percentage = node.get("percentage");
  return percentage.present ? parsePercentage(percentage) : DEFAULT_SHARE;
}

function parseMethods(node: ConfigNode): Methods {
  if (!node.present) return new Methods(null);
  const methods = new StaticArray<Bytes>(node.array(1, MAX_METHODS));
  for (let i = 0; i < methods.length; i++) methods[i] = parseMethod(node.at(i));
  return new Methods(methods);
}

function parseStatuses(node: ConfigNode): StaticArray<i64> {
  if (!node.present) return [];
  const statuses = new StaticArray<i64>(node.array(1, MAX_RETRIABLE_STATUSES));
  for (let i = 0; i < statuses.length; i++)
    statuses[i] = node.at(i).integer(MIN_RETRIABLE_STATUS, MAX_RETRIABLE_STATUS);
  return statuses;
}
