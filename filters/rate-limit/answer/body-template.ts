// The body of a refusal, with words in braces that say what the request met: `{rule}`,
// `{retryAfter}`, `{limit}`, `{remaining}`. Anything else in braces stands as it is, so that a
// body of JSON needs no escapes.

import { Bytes, TextBuffer } from "../../../assembly";
import { Decision } from "../decision";
import { LIMIT_WORD, REMAINING_WORD, RETRY_AFTER_WORD, RULE_WORD } from "../limits";
import { NEVER } from "../local/limit";
import { Rule } from "../rule";

/** In the order of `Word`. */
const WORDS: StaticArray<Bytes> = [
  Bytes.of(RULE_WORD),
  Bytes.of(RETRY_AFTER_WORD),
  Bytes.of(LIMIT_WORD),
  Bytes.of(REMAINING_WORD),
];

enum Word {
  Rule,
  RetryAfter,
  Limit,
  Remaining,
}

const NONE: i32 = -1;

@final
export class BodyTemplate {
  /** Texts between the words: one more than there are words. */
  private readonly texts: Array<Bytes> = [];
  private readonly words: Array<i32> = [];
  private readonly filled: TextBuffer = new TextBuffer();
  /** Whether the limit's figures are among the words. */
  needsQuota: bool = false;

  constructor(text: Bytes) {
    let from = 0;
    for (let i = 0; i < text.size; ) {
      const word = wordAt(text, i);
      if (word == NONE) {
        i++;
        continue;
      }
      this.texts.push(part(text, from, i));
      this.words.push(word);
      if (word == Word.Limit || word == Word.Remaining) this.needsQuota = true;
      i += unchecked(WORDS[word]).size;
      from = i;
    }
    this.texts.push(part(text, from, text.size));
  }

  /** Whether every refusal has the same body. */
  get isFixed(): bool {
    return this.words.length == 0;
  }

  /**
   * The body of a refusal. Seconds and figures that nobody knows are 0. Valid until the next one
   * is made.
   */
  fill(decision: Decision, rules: StaticArray<Rule>): Bytes {
    const filled = this.filled;
    filled.clear();
    for (let i = 0; i < this.words.length; i++) {
      filled.add(unchecked(this.texts[i]));
      const word = unchecked(this.words[i]);
      if (word == Word.Rule) filled.add(unchecked(rules[decision.refusedBy]).policy.selection.name);
      else filled.addNumber(figure(word, decision));
    }
    filled.add(unchecked(this.texts[this.words.length]));
    return filled.text();
  }
}

function figure(word: i32, decision: Decision): u32 {
  if (word == Word.RetryAfter) return decision.waitSeconds == NEVER ? 0 : decision.waitSeconds;
  for (let i = 0; i < decision.count; i++) {
    const note = decision.note(i);
    if (note.rule == decision.refusedBy && note.hasQuota) {
      return word == Word.Limit ? note.limit : note.remaining;
    }
  }
  return 0;
}

/** The word that begins at that byte, or `NONE`. */
function wordAt(text: Bytes, at: i32): i32 {
  for (let i = 0; i < WORDS.length; i++) {
    const word = unchecked(WORDS[i]);
    if (at + word.size > text.size) continue;
    if (memory.compare(text.ptr + at, word.ptr, word.size) == 0) return i;
  }
  return NONE;
}

function part(text: Bytes, from: i32, end: i32): Bytes {
  const bytes = Bytes.owned(end - from);
  memory.copy(bytes.ptr, text.ptr + from, end - from);
  return bytes;
}
