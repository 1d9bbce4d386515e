// Compiles the configuration once, so that a request only compares. Its TypeScript twin is
// `schema.ts`.

import { Bytes } from "../../assembly";
import { ConfigNode, hasRepeat, parseLabel } from "../../assembly/config";
import {
  BytesTable,
  DecisionProperty,
  parseExplainProperty,
  parseMatch,
  parseSalt,
  parseStickyKey,
  parseWrittenHeader,
  RequestSlots,
  theOneOf,
} from "../../assembly/rules";
import { Actions } from "./actions/actions";
import {
  ACTION_KEYS,
  ActionPlace,
  parseActions,
  parseAnswer,
  parseRedirect,
  segmentsSize,
} from "./actions/config";
import { SplitCookies } from "./cookie/config";
import {
  DESTINATION_HEADER,
  MAX_DESTINATIONS,
  MAX_PINNED_KEY_SIZE,
  MAX_PINNED_KEYS,
  MAX_PINS,
  MAX_RULES,
  MAX_WEIGHT,
  MIRROR_HEADER,
  ORIGINAL_PATH_HEADER,
  RESULTS,
} from "./limits";
import { Rule, RuleList } from "./policy";
import { Split, Target } from "./split";

const ROOT_KEYS: StaticArray<string> = ["destinationHeader", "explainProperty", "rules"];
const RESULT_KEYS = StaticArray.fromArray(RESULTS);
const SELECTION: StaticArray<string> = ["name", "match", "shadow"];
const RULE_KEYS = SELECTION.concat<StaticArray<string>>(RESULT_KEYS).concat<StaticArray<string>>(ACTION_KEYS);
const SPLIT_KEYS: StaticArray<string> = ["key", "cookie", "salt", "destinations", "pins"];
const SHARE: StaticArray<string> = ["name", "weight"];
const DESTINATION_KEYS = SHARE.concat<StaticArray<string>>(ACTION_KEYS);
const PIN_KEYS: StaticArray<string> = ["keys", "destination"];

const FILTER = "header-routing";
const DEFAULT_DESTINATION_HEADER = Bytes.of(DESTINATION_HEADER);
const MIRROR = Bytes.of(MIRROR_HEADER);
const ORIGINAL_PATH = Bytes.of(ORIGINAL_PATH_HEADER);
/** By the results of `RESULTS` that have no destination. No destination can have such a name. */
const WITHOUT_DESTINATION: StaticArray<Bytes> = [Bytes.of("(redirect)"), Bytes.of("(answer)")];

/** The slot of a header that no rule writes. */
export const UNUSED: i32 = -1;

/** A compiled configuration. Not to be used if its `Config` has a fault. */
@final
export class HeaderRoutingConfig {
  readonly destinationHeader: Bytes;
  /** The slot of the destination header, which a client may have sent. */
  readonly destinationSlot: i32;
  readonly explainProperty: DecisionProperty | null;
  readonly slots: RequestSlots = new RequestSlots();
  rules: RuleList = new RuleList([]);
  /** Every target of every rule, without repetition. */
  readonly targets: Array<Target> = [];
  /** The slots of further headers that this configuration writes; `UNUSED` if it never does. */
  mirrorSlot: i32 = UNUSED;
  originalPathSlot: i32 = UNUSED;
  /** Whether a rule changes responses. */
  changesResponses: bool = false;
  private readonly cookies: SplitCookies = new SplitCookies();

  constructor(root: ConfigNode) {
    root.keys(ROOT_KEYS);
    const header = root.get("destinationHeader");
    this.destinationHeader = header.present ? parseWrittenHeader(header) : DEFAULT_DESTINATION_HEADER;
    this.destinationSlot = this.slots.headers.slotOf(this.destinationHeader);
    this.explainProperty = parseExplainProperty(root.get("explainProperty"), FILTER);
    if (this.isOwnHeader(this.destinationHeader)) header.fail("must not be another header of this filter");
    this.rules = new RuleList(this.parseRules(root.get("rules")));
    for (let i = 0; i < this.targets.length; i++) this.prepare(this.targets[i]);
  }

  private isOwnHeader(name: Bytes): bool {
    return name.equals(MIRROR) || name.equals(ORIGINAL_PATH);
  }

  /** What requests and responses need for this target. */
  private prepare(target: Target): void {
    if (target.isShadow) return;
    if (target.redirect) this.slots.needPath();
    const actions = target.actions;
    if (!actions) return;
    if (actions.mirror) this.mirrorSlot = this.slots.headers.slotOf(MIRROR);
    if (actions.responseHeaders) this.changesResponses = true;
    if (!actions.path) return;
    this.slots.needPath();
    this.originalPathSlot = this.slots.headers.slotOf(ORIGINAL_PATH);
  }

  private parseRules(node: ConfigNode): StaticArray<Rule> {
    const rules = new StaticArray<Rule>(node.array(0, MAX_RULES));
    const names: Bytes[] = [];
    for (let i = 0; i < rules.length; i++) {
      const item = node.at(i);
      item.keys(RULE_KEYS);
      names.push(parseLabel(item.get("name")));
      rules[i] = this.parseRule(item, names[i].toString());
    }
    if (hasRepeat(names)) node.fail("name a rule twice");
    return rules;
  }

  private parseRule(node: ConfigNode, name: string): Rule {
    const match = parseMatch(node.get("match"), this.slots, this.destinationHeader);
    const isShadow = node.get("shadow").boolOr(false);
    const own = [this.destinationHeader, MIRROR, ORIGINAL_PATH];
    const place = new ActionPlace(segmentsSize(node), own);
    const actions = parseActions(node, place, null);
    const result = theOneOf(node, RESULT_KEYS);
    if (result == 1) {
      const split = this.parseSplit(node.get("split"), name, isShadow, place, actions);
      return new Rule(match, null, split, isShadow);
    }
    const destination = result < 2 ? parseLabel(node.get("destination")) : WITHOUT_DESTINATION[result - 2];
    const target = new Target(name, destination, isShadow);
    if (result < 2) target.actions = actions;
    else refuseActions(node);
    if (result == 2) target.redirect = parseRedirect(node.get("redirect"), place);
    if (result == 3) target.answer = parseAnswer(node.get("answer"));
    this.targets.push(target);
    return new Rule(match, target, null, isShadow);
  }

  private parseSplit(
    node: ConfigNode,
    rule: string,
    isShadow: bool,
    place: ActionPlace,
    actions: Actions | null,
  ): Split | null {
    if (!node.present) return null;
    node.keys(SPLIT_KEYS);
    const destinations = node.get("destinations");
    const count = destinations.array(1, MAX_DESTINATIONS);
    if (count == 0) return null;
    const weights = new StaticArray<u64>(count);
    const targets: Target[] = [];
    const names: Bytes[] = [];
    let sum: u64 = 0;
    for (let i = 0; i < count; i++) {
      const item = destinations.at(i);
      item.keys(DESTINATION_KEYS);
      names.push(parseLabel(item.get("name")));
      weights[i] = <u64>item.get("weight").integer(0, MAX_WEIGHT);
      sum += weights[i];
      targets.push(new Target(rule, names[i], isShadow));
      targets[i].actions = parseActions(item, place, actions);
    }
    if (hasRepeat(names)) destinations.fail("names a destination twice");
    if (sum == 0) {
      destinations.fail("needs a weight above 0");
      return null;
    }
    const split = new Split(targets, weights);
    split.key = parseStickyKey(node.get("key"), this.slots, this.destinationHeader);
    split.cookie = this.cookies.parse(node.get("cookie"), this.slots);
    if (split.cookie && !isShadow) this.changesResponses = true;
    split.salt = parseSalt(node.get("salt"), Bytes.of(rule));
    parsePins(node.get("pins"), split, rule, actions);
    for (let i = 0; i < split.targets.length; i++) this.targets.push(split.targets[i]);
    return split;
  }
}

function refuseActions(rule: ConfigNode): void {
  for (let i = 0; i < ACTION_KEYS.length; i++) {
    const action = rule.get(ACTION_KEYS[i]);
    if (action.present) action.fail("needs 'destination' or 'split'");
  }
}

function parsePins(node: ConfigNode, split: Split, rule: string, actions: Actions | null): void {
  if (!node.present) return;
  const count = node.array(0, MAX_PINS);
  if (!split.key) node.fail("needs 'key'");
  const keys: Bytes[] = [];
  const targets: Target[] = [];
  for (let i = 0; i < count; i++) {
    const pin = node.at(i);
    pin.keys(PIN_KEYS);
    const target = targetNamed(split, rule, parseLabel(pin.get("destination")), actions);
    const list = pin.get("keys");
    const size = list.array(1, MAX_PINNED_KEYS);
    for (let k = 0; k < size; k++) {
      keys.push(list.at(k).text(1, MAX_PINNED_KEY_SIZE));
      targets.push(target);
    }
  }
  split.pinnedKeys = new BytesTable(StaticArray.fromArray(keys));
  split.pinnedTargets = StaticArray.fromArray(targets);
}

/**
 * The split's target of that name, or a new one: keys may be pinned to a destination without a
 * weight.
 */
function targetNamed(split: Split, rule: string, name: Bytes, actions: Actions | null): Target {
  for (let i = 0; i < split.targets.length; i++) {
    if (split.targets[i].destination.equals(name)) return split.targets[i];
  }
  const target = new Target(rule, name, split.targets[0].isShadow);
  target.actions = actions;
  split.targets.push(target);
  return target;
}
