// What responses say about the limits: in `RateLimit` and `RateLimit-Policy` of
// draft-ietf-httpapi-ratelimit-headers-10, in the older `X-RateLimit-*`, or in those of OpenAI's
// API; when to come again; and the outcome of each rule.

import { Bytes, decimalText, responseHeaders, TextBuffer } from "../../assembly";
import { Explanation } from "../../assembly/rules";
import { Decision, Note } from "./decision";
import { SECONDS_OF_HOUR, SECONDS_OF_MINUTE } from "./limits";
import { NEVER } from "./local/limit";
import {
  QuotaFields,
  RATELIMIT,
  RATELIMIT_POLICY,
  REQUESTS,
  RETRY_AFTER,
  TOKENS,
  X_RATELIMIT,
} from "./own-fields";
import { Counted } from "./policy";
import { Rule } from "./rule";

const NOTHING = new Bytes(0, 0);

/** Which fields describe the limits. */
export enum FieldStyle {
  None,
  Ietf,
  XRateLimit,
  OpenAi,
}

/** What `writeLeast` shows if a limit counts anything at all. */
const ANYTHING: i32 = -1;

const SEPARATOR = Bytes.of(", ");
const QUOTE = Bytes.of('"');
const QUOTA = Bytes.of('";q=');
const WINDOW = Bytes.of(";w=");
const REMAINING = Bytes.of('";r=');
const TIME = Bytes.of(";t=");
const HOURS = Bytes.of("h");
const MINUTES = Bytes.of("m");
const SECONDS = Bytes.of("s");

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
    const wait = this.retryAfter(decision);
    if (wait.size > 0) this.put(RETRY_AFTER, wait);
    const explain = this.explainHeader;
    if (explain) this.explain(decision, explain);
    if (this.style == FieldStyle.Ietf) this.writeIetf(decision);
    else if (this.style == FieldStyle.XRateLimit) this.writeLeast(decision, X_RATELIMIT, ANYTHING);
    else if (this.style == FieldStyle.OpenAi) this.writeOpenAi(decision);
  }

  /** When the request would pass, as `Retry-After` has it; empty if nobody knows. */
  retryAfter(decision: Decision): Bytes {
    const seconds = decision.waitSeconds;
    return seconds > 0 && seconds != NEVER ? decimalText(seconds) : NOTHING;
  }

  private writeIetf(decision: Decision): void {
    this.put(RATELIMIT_POLICY, this.list(decision, true));
    this.put(RATELIMIT, this.list(decision, false));
  }

  private writeOpenAi(decision: Decision): void {
    this.writeLeast(decision, REQUESTS, Counted.Requests);
    this.writeLeast(decision, TOKENS, Counted.Tokens);
  }

  /** Of several rules that count this, the one with the least remaining is shown. */
  private writeLeast(decision: Decision, fields: QuotaFields, counted: i32): void {
    let least: Note | null = null;
    for (let i = 0; i < decision.count; i++) {
      const note = decision.note(i);
      const counts = unchecked(this.rules[note.rule]).policy.counted;
      if (!note.hasQuota || (counted != ANYTHING && counts != counted)) continue;
      if (!least || note.remaining < least.remaining) least = note;
    }
    this.put(fields.limit, least && least.limit > 0 ? decimalText(least.limit) : NOTHING);
    this.put(fields.remaining, least ? decimalText(least.remaining) : NOTHING);
    this.put(fields.reset, least ? this.resetText(least.fullSeconds) : NOTHING);
  }

  /** The time until the limit is whole again; none where it is, or where nobody knows. */
  private resetText(seconds: u32): Bytes {
    if (this.style != FieldStyle.OpenAi) return seconds > 0 ? decimalText(seconds) : NOTHING;
    const text = this.text;
    text.clear();
    this.addUnit(seconds / SECONDS_OF_HOUR, HOURS);
    this.addUnit((seconds % SECONDS_OF_HOUR) / SECONDS_OF_MINUTE, MINUTES);
    text.addNumber(seconds % SECONDS_OF_MINUTE);
    text.add(SECONDS);
    return text.text();
  }

  /** Adds `6m`; nothing for a 0 in front. */
  private addUnit(count: u32, unit: Bytes): void {
    if (count == 0 && this.text.size == 0) return;
    this.text.addNumber(count);
    this.text.add(unit);
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
