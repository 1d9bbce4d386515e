// What responses say about the limits: in `RateLimit` and `RateLimit-Policy` of
// draft-ietf-httpapi-ratelimit-headers-10, or in the older `X-RateLimit-*`; when to come again; and
// the outcome of each rule.

import { Bytes, decimalText, responseHeaders, TextBuffer } from "../../assembly";
import { BytesTable, Explanation } from "../../assembly/rules";
import { Decision, NEVER, Note } from "./decision";
import {
  RATELIMIT_FIELD,
  RATELIMIT_POLICY_FIELD,
  RETRY_AFTER_FIELD,
  X_LIMIT_FIELD,
  X_REMAINING_FIELD,
  X_RESET_FIELD,
} from "./limits";
import { Rule } from "./rule";

const RETRY_AFTER = Bytes.of(RETRY_AFTER_FIELD);
const RATELIMIT_POLICY = Bytes.of(RATELIMIT_POLICY_FIELD);
const RATELIMIT = Bytes.of(RATELIMIT_FIELD);
const X_LIMIT = Bytes.of(X_LIMIT_FIELD);
const X_REMAINING = Bytes.of(X_REMAINING_FIELD);
const X_RESET = Bytes.of(X_RESET_FIELD);
const NOTHING = new Bytes(0, 0);

/**
 * The names of those fields. An explanation under one of them would be lost, or would replace the
 * field.
 */
export const OWN_FIELDS = new BytesTable([
  RETRY_AFTER,
  RATELIMIT_POLICY,
  RATELIMIT,
  X_LIMIT,
  X_REMAINING,
  X_RESET,
]);

/** Which fields describe the limits. */
export enum FieldStyle {
  None,
  Ietf,
  XRateLimit,
}

const SEPARATOR = Bytes.of(", ");
const QUOTE = Bytes.of('"');
const QUOTA = Bytes.of('";q=');
const WINDOW = Bytes.of(";w=");
const REMAINING = Bytes.of('";r=');
const TIME = Bytes.of(";t=");

/** Writes the response's headers; one for a plugin. */
@final
export class ResponseFields {
  private readonly text: TextBuffer = new TextBuffer();
  private readonly explanation: Explanation = new Explanation();

  constructor(
    private readonly rules: StaticArray<Rule>,
    private readonly style: FieldStyle,
    private readonly explainHeader: Bytes | null,
  ) {}

  /** Whether responses that pass are changed at all. */
  get isNeeded(): bool {
    return this.style != FieldStyle.None || this.explainHeader != null;
  }

  /**
   * Writes the headers to the response. Headers of the same names from the upstream are removed.
   */
  write(decision: Decision): void {
    if (decision.waitSeconds > 0 && decision.waitSeconds != NEVER)
      this.put(RETRY_AFTER, decimalText(decision.waitSeconds));
    const explain = this.explainHeader;
    if (explain) this.explain(decision, explain);
    if (this.style == FieldStyle.Ietf) this.writeIetf(decision);
    else if (this.style == FieldStyle.XRateLimit) this.writeXRateLimit(decision);
  }

  private writeIetf(decision: Decision): void {
    this.put(RATELIMIT_POLICY, this.list(decision, true));
    this.put(RATELIMIT, this.list(decision, false));
  }

  /** Of several rules, the one with the least remaining is shown. */
  private writeXRateLimit(decision: Decision): void {
    let least: Note | null = null;
    for (let i = 0; i < decision.count; i++) {
      const note = decision.note(i);
      if (note.hasQuota && (!least || note.remaining < least.remaining)) least = note;
    }
    this.put(X_LIMIT, least && least.limit > 0 ? decimalText(least.limit) : NOTHING);
    this.put(X_REMAINING, least ? decimalText(least.remaining) : NOTHING);
    this.put(X_RESET, least && least.fullSeconds > 0 ? decimalText(least.fullSeconds) : NOTHING);
  }

  /**
   * `"RULE";q=LIMIT;w=SECONDS` or `"RULE";r=REMAINING;t=SECONDS` of each rule whose quota is known;
   * without seconds if these are not known.
   */
  private list(decision: Decision, isPolicy: bool): Bytes {
    const text = this.text;
    text.clear();
    for (let i = 0; i < decision.count; i++) {
      const note = decision.note(i);
      if (!note.hasQuota || (isPolicy && note.limit == 0)) continue;
      if (text.size > 0) text.add(SEPARATOR);
      text.add(QUOTE);
      text.add(unchecked(this.rules[note.rule]).policy.selection.name);
      text.add(isPolicy ? QUOTA : REMAINING);
      text.addNumber(isPolicy ? note.limit : note.remaining);
      const seconds = isPolicy ? note.unitSeconds : note.moreSeconds;
      if (seconds == 0) continue;
      text.add(isPolicy ? WINDOW : TIME);
      text.addNumber(seconds);
    }
    return text.text();
  }

  private explain(decision: Decision, header: Bytes): void {
    this.explanation.clear();
    for (let i = 0; i < decision.count; i++) {
      const note = decision.note(i);
      if (note.outcome < 0) continue;
      this.explanation.add(unchecked(this.rules[note.rule]).outcomes.explanation(note.outcome));
    }
    this.explanation.writeTo(responseHeaders, header);
  }

  /** Leaves exactly one header of that name, with that value; with an empty value none. */
  private put(name: Bytes, value: Bytes): void {
    if (value.size > 0) responseHeaders.replace(name, value);
    else responseHeaders.remove(name);
  }
}
