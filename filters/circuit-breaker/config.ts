// Compiles the configuration once, so that a request only compares. Its TypeScript twin is
// `schema.ts`.

import { Bytes, Reply } from "../../assembly";
import {
  Config,
  ConfigNode,
  hasRepeat,
  parseBody,
  parseContentType,
  parseDurationOr,
  parseLabel,
} from "../../assembly/config";
import {
  DecisionProperty,
  KEY_PARTS,
  KeyVocabulary,
  parseExplainHeader,
  parseExplainProperty,
  parseKey,
  parseRuleSelection,
  parseWrittenHeader,
  RequestSlots,
  RuleSelection,
  SELECTION_KEYS,
  TARGET_PARTS,
} from "../../assembly/rules";
import { CircuitPolicy } from "./circuit-policy";
import { parseFailures } from "./failure-config";
import { NEVER_SLOW } from "./failures";
import { parseSlowHosts } from "./hosts/config";
import { HostRulePolicy } from "./hosts/rule";
import {
  CIRCUIT_FIELDS,
  DEFAULT_ANSWER_STATUS,
  DEFAULT_GRPC_STATUS,
  DEFAULT_JITTER,
  DEFAULT_KEYS,
  DEFAULT_LEASE_MS,
  DEFAULT_MAX_SLEEP_MS,
  DEFAULT_PROBES,
  DEFAULT_SLEEP_MS,
  DEFAULT_THROTTLE_RATIO,
  DEFAULT_THROTTLE_WINDOW_MS,
  DESTINATION_HEADER,
  DOWNSTREAM,
  FORCE_CLOSED,
  FORCE_OPEN,
  MAX_ANSWER_STATUS,
  MAX_GRPC_STATUS,
  MAX_JITTER,
  MAX_KEYS,
  MAX_LEASE_MS,
  MAX_PROBES,
  MAX_RAMP_MS,
  MAX_RULES,
  MAX_SLEEP_MS,
  MAX_THROTTLE_RATIO,
  MAX_WINDOW_MS,
  MIN_ANSWER_STATUS,
  MIN_LEASE_MS,
  MIN_SLEEP_MS,
  MIN_THROTTLE_RATIO,
  MIN_WINDOW_MS,
  SHARE_MISSING,
  SKIP_MISSING,
  UPSTREAM,
} from "./limits";
import { Force } from "./policy";
import { RulePolicy, ThrottlePolicy } from "./rule";
import { parseTrip } from "./trip/config";

const FILTER = "circuit-breaker";
const ROOT_KEYS: StaticArray<string> = [
  "where",
  "explainHeader",
  "explainProperty",
  "destinationHeader",
  "keepDestination",
  "rules",
];
/** What only a listener's chain has: of the configuration, and of a rule. */
const ROOT_KEYS_DOWNSTREAM: StaticArray<string> = ["destinationHeader", "keepDestination"];
const RULE_KEYS_DOWNSTREAM: StaticArray<string> = [
  "key",
  "missing",
  "keys",
  "trip",
  "throttle",
  "failures",
  "open",
  "halfOpen",
  "answer",
  "destination",
  "force",
];
/** What only a cluster's chain has. */
const RULE_KEYS_UPSTREAM: StaticArray<string> = ["slowHosts"];
const RULE_KEYS =
  SELECTION_KEYS.concat<StaticArray<string>>(RULE_KEYS_DOWNSTREAM).concat<StaticArray<string>>(
    RULE_KEYS_UPSTREAM,
  );
const CHAINS: StaticArray<string> = [DOWNSTREAM, UPSTREAM];
/** What only circuits have. */
const CIRCUIT_KEYS = StaticArray.fromArray(CIRCUIT_FIELDS);
const THROTTLE_KEYS: StaticArray<string> = ["ratio", "window"];
const OPEN_KEYS: StaticArray<string> = ["sleep", "maxSleep", "jitter"];
const HALF_OPEN_KEYS: StaticArray<string> = ["probes", "lease", "ramp"];
const ANSWER_KEYS: StaticArray<string> = ["status", "body", "contentType", "grpcStatus"];
const MISSING: StaticArray<string> = [SHARE_MISSING, SKIP_MISSING];
/** In the order of `Force`, which begins with `None`. */
const FORCES: StaticArray<string> = [FORCE_OPEN, FORCE_CLOSED];
const PARTS = StaticArray.fromArray(KEY_PARTS.concat(TARGET_PARTS));
/** A circuit for each place that a request can go to. */
const DEFAULT_KEY = Bytes.of('[{"cluster":true},{"destination":true}]');

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;
const CONTENT_TYPE = Bytes.of("content-type");
const MESSAGE = Bytes.of("circuit open");

/** A compiled configuration. Not to be used if its `Config` has a fault. */
@final
export class CircuitBreakerConfig {
  readonly slots: RequestSlots = new RequestSlots();
  readonly explainHeader: Bytes | null;
  readonly explainProperty: DecisionProperty | null;
  readonly destinationHeader: Bytes;
  readonly destinationSlot: i32;
  /** The slot of the content type, which tells calls from other requests. */
  readonly contentType: i32;
  /** Whether a rule asks how long a response took to begin. */
  readonly isTimed: bool;
  /** Whether a destination that a client sent is removed. */
  readonly dropsDestination: bool;
  readonly isUpstream: bool;
  /** The rules of a listener's chain; none in a cluster's. */
  rules: StaticArray<RulePolicy> = [];
  /** The rules of a cluster's chain; none in a listener's. */
  hostRules: StaticArray<HostRulePolicy> = [];
  /** Of those that there are. */
  selections: StaticArray<RuleSelection> = [];

  constructor(root: ConfigNode) {
    root.keys(ROOT_KEYS);
    const isUpstream = root.get("where").oneOfOr(CHAINS, 0) == 1;
    this.isUpstream = isUpstream;
    if (isUpstream) refuse(root, ROOT_KEYS_DOWNSTREAM, DOWNSTREAM);
    this.explainHeader = parseExplainHeader(root.get("explainHeader"));
    this.explainProperty = parseExplainProperty(root.get("explainProperty"), FILTER);
    const header = root.get("destinationHeader");
    this.destinationHeader = header.present ? parseWrittenHeader(header) : Bytes.of(DESTINATION_HEADER);
    this.destinationSlot = this.slots.headers.slotOf(this.destinationHeader);
    this.contentType = this.slots.headers.slotOf(CONTENT_TYPE);
    this.parseRules(root.get("rules"));
    this.isTimed = this.rules.some((rule) => rule.failures.slow != NEVER_SLOW);
    const keeps = root.get("keepDestination").boolOr(false);
    this.dropsDestination = !keeps && this.rules.some((rule) => rule.destination != null);
  }

  private parseRules(node: ConfigNode): void {
    const vocabulary = new KeyVocabulary(PARTS, this.destinationHeader, false);
    const count = node.array(0, MAX_RULES);
    const selections = new StaticArray<RuleSelection>(count);
    const rules = new StaticArray<RulePolicy>(this.isUpstream ? 0 : count);
    const hostRules = new StaticArray<HostRulePolicy>(this.isUpstream ? count : 0);
    const names: Bytes[] = [];
    for (let i = 0; i < count; i++) {
      const item = node.at(i);
      item.keys(RULE_KEYS);
      const selection = parseRuleSelection(item, this.slots);
      names.push(selection.name);
      selections[i] = selection;
      if (this.isUpstream) {
        refuse(item, RULE_KEYS_DOWNSTREAM, DOWNSTREAM);
        hostRules[i] = new HostRulePolicy(selection, parseSlowHosts(item.get("slowHosts")));
      } else {
        refuse(item, RULE_KEYS_UPSTREAM, UPSTREAM);
        rules[i] = this.parseRule(item, selection, vocabulary);
      }
    }
    if (hasRepeat(names)) node.fail("name a rule twice");
    this.selections = selections;
    this.rules = rules;
    this.hostRules = hostRules;
  }

  private parseRule(node: ConfigNode, selection: RuleSelection, vocabulary: KeyVocabulary): RulePolicy {
    const destination = node.get("destination");
    const answer = node.get("answer");
    if (destination.present && answer.present) node.fail("must have at most one of answer, destination");
    const force = node.get("force");
    return new RulePolicy(
      selection,
      parseKey(keyOr(node.get("key")), this.slots, vocabulary),
      <u32>node.get("keys").integerOr(1, MAX_KEYS, DEFAULT_KEYS),
      node.get("missing").oneOfOr(MISSING, 0) == 1,
      parseCircuit(node),
      parseThrottle(node),
      parseFailures(node.get("failures")),
      parseAnswer(answer),
      destination.present ? parseLabel(destination) : null,
      force.present ? <Force>(force.oneOf(FORCES) + 1) : Force.None,
    );
  }
}

/** Refuses what only the other chain has. */
function refuse(node: ConfigNode, keys: StaticArray<string>, chain: string): void {
  for (let i = 0; i < keys.length; i++) {
    const item = node.get(keys[i]);
    if (item.present) item.fail(`needs where: ${chain}`);
  }
}

function keyOr(node: ConfigNode): ConfigNode {
  return node.present ? node : Config.parse(DEFAULT_KEY).root;
}

function parseCircuit(node: ConfigNode): CircuitPolicy {
  const open = node.get("open");
  open.keys(OPEN_KEYS);
  const sleep = parseDurationOr(open.get("sleep"), MIN_SLEEP_MS, MAX_SLEEP_MS, DEFAULT_SLEEP_MS);
  const most = open.get("maxSleep");
  const maxSleep = parseDurationOr(most, MIN_SLEEP_MS, MAX_SLEEP_MS, max<u64>(sleep, DEFAULT_MAX_SLEEP_MS));
  if (maxSleep < sleep) most.fail("must not be below 'sleep'");
  const jitter = <f64>open.get("jitter").integerOr(0, MAX_JITTER, DEFAULT_JITTER) / MAX_JITTER;
  const halfOpen = node.get("halfOpen");
  halfOpen.keys(HALF_OPEN_KEYS);
  const probes = <i32>halfOpen.get("probes").integerOr(1, MAX_PROBES, DEFAULT_PROBES);
  const lease = parseDurationOr(halfOpen.get("lease"), MIN_LEASE_MS, MAX_LEASE_MS, DEFAULT_LEASE_MS);
  const ramp = parseDurationOr(halfOpen.get("ramp"), 0, MAX_RAMP_MS, 0);
  return new CircuitPolicy(
    parseTrip(node.get("trip")),
    sleep * NANOSECONDS_PER_MILLISECOND,
    maxSleep * NANOSECONDS_PER_MILLISECOND,
    jitter,
    probes,
    lease * NANOSECONDS_PER_MILLISECOND,
    ramp * NANOSECONDS_PER_MILLISECOND,
  );
}

function parseThrottle(node: ConfigNode): ThrottlePolicy | null {
  const throttle = node.get("throttle");
  if (!throttle.present) return null;
  throttle.keys(THROTTLE_KEYS);
  for (let i = 0; i < CIRCUIT_KEYS.length; i++) {
    if (node.get(CIRCUIT_KEYS[i]).present)
      node.fail("must have no " + CIRCUIT_KEYS.join(", ") + " beside throttle");
  }
  const given = throttle.get("ratio");
  const ratio = given.present ? given.number(MIN_THROTTLE_RATIO, MAX_THROTTLE_RATIO) : DEFAULT_THROTTLE_RATIO;
  const window = throttle.get("window");
  const ms = parseDurationOr(window, MIN_WINDOW_MS, MAX_WINDOW_MS, DEFAULT_THROTTLE_WINDOW_MS);
  return new ThrottlePolicy(ratio, ms * NANOSECONDS_PER_MILLISECOND);
}

function parseAnswer(node: ConfigNode): Reply {
  node.keys(ANSWER_KEYS);
  const status = node.get("status").integerOr(MIN_ANSWER_STATUS, MAX_ANSWER_STATUS, DEFAULT_ANSWER_STATUS);
  const grpc = node.get("grpcStatus").integerOr(0, MAX_GRPC_STATUS, DEFAULT_GRPC_STATUS);
  const body = parseBody(node.get("body"));
  return new Reply(<u32>status, <i32>grpc, body, parseContentType(node.get("contentType")), [], MESSAGE);
}
