// Compiles the `turns` of a rule. Its TypeScript twin is `turns` of `schema.ts`.

import { Bytes } from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { parseStickyKey, RequestSlots, StickyKey, theOneOf } from "../../assembly/rules";
import { AFTER_SEQUENCE, MAX_SEQUENCE, MAX_TURN, TURN_KINDS, TURNS } from "./limits";
import { AfterEnd, TurnKind, Turns } from "./turns";

const KIND_KEYS = StaticArray.fromArray(TURN_KINDS);
const TURN_WORDS = StaticArray.fromArray(TURNS);
const AFTER_WORDS = StaticArray.fromArray(AFTER_SEQUENCE);
const KEYS = KIND_KEYS.concat<StaticArray<string>>(["after", "key", "attempts"]);
const NO_SEQUENCE: StaticArray<bool> = [];

/** The turns at this place; `null` if there are none. `upstream` is the chain of the filter. */
export function parseTurns(node: ConfigNode, slots: RequestSlots, upstream: bool): Turns | null {
  if (!node.present) return null;
  node.keys(KEYS);
  const kind = theOneOf(node, KIND_KEYS);
  const key = parseStickyKey(node.get("key"), slots);
  const byAttempt = parseAttempts(node, key, upstream);
  if (kind < 0) return null;
  const operand = node.get(KIND_KEYS[kind]);
  const after = node.get("after");
  const afterEnd = after.oneOfOr(AFTER_WORDS, AfterEnd.Repeat);
  if (kind == TurnKind.Sequence) {
    const sequence = parseSequence(operand);
    return new Turns(kind, sequence, afterEnd, 0, key, byAttempt, sequenceText(sequence, afterEnd));
  }
  if (after.present) after.fail("is for a sequence only");
  const number = operand.integer(1, MAX_TURN);
  const text = Bytes.of(KIND_KEYS[kind] + " " + number.toString());
  return new Turns(kind, NO_SEQUENCE, AfterEnd.Repeat, number, key, byAttempt, text);
}

function parseAttempts(turns: ConfigNode, key: StickyKey | null, upstream: bool): bool {
  const node = turns.get("attempts");
  if (!node.present) return false;
  if (!node.boolOr(false)) node.fail("must be true");
  else if (!upstream) node.fail("needs 'where: upstream': a listener's chain sees no attempts");
  else if (key) turns.fail("must have at most one of key, attempts");
  return true;
}

function parseSequence(node: ConfigNode): StaticArray<bool> {
  const sequence = new StaticArray<bool>(node.array(1, MAX_SEQUENCE));
  for (let i = 0; i < sequence.length; i++) sequence[i] = node.at(i).oneOfOr(TURN_WORDS, 0) == 0;
  return sequence;
}

function sequenceText(sequence: StaticArray<bool>, afterEnd: AfterEnd): Bytes {
  let text = "sequence ";
  for (let i = 0; i < sequence.length; i++) text += sequence[i] ? "f" : "p";
  return Bytes.of(text + " " + AFTER_WORDS[afterEnd]);
}
