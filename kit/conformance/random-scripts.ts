// Random streams: mostly what a client and an upstream might send, sometimes what nobody should
// send.

import type { HeaderList } from "../traffic.js";
import type { Random } from "./random-documents.js";
import { follow, type Script, type StreamEvent } from "./script.js";
import type { Vocabulary } from "./vocabulary.js";

const ODD = [
  "",
  " ",
  "%",
  "%0d%0aset-cookie:%20a=b",
  "%00",
  "a\tb",
  "\xc0\xaf",
  "\xff\xfe",
  "\xf0\x9f\x98\x80",
  "-1",
  "18446744073709551616",
  "9".repeat(40),
  "a=b; c=d",
  "a,b,,c",
  "{}",
  '"',
  "../..",
  ";",
  "=",
  "x".repeat(300),
];
/** What Envoy's own codecs refuse, but another filter might make. */
const FORBIDDEN = ["a\0b", "a\r\nb: c", "\n", "\x7f"];
const METHODS = ["HEAD", "OPTIONS", "CONNECT", "get", "X".repeat(40), ""];
const STATUSES = ["200", "204", "301", "404", "429", "500", "503", "100", "0", "abc", ""];
const TYPES = ["application/grpc", "application/json", "text/plain"];
const LONG = 64 * 1024;
/** A text that only a client sends. */
export const MARK = "zq7x";

/** Makes streams from a vocabulary. */
export class ScriptMaker {
  constructor(
    private readonly words: Vocabulary,
    private readonly random: Random,
  ) {}

  script(): Script {
    const { random } = this;
    const asked = this.isOne(3) ? follow("request", this.pieces(), this.trailers()) : [];
    const events = this.extras(merged(asked, this.isOne(10) ? [] : this.response(), random));
    return {
      headers: this.requestHeaders(),
      end: asked.length === 0,
      properties: { "source.address": `10.0.${random.below(4)}.${random.below(256)}:${random.below(65536)}` },
      events: this.isOne(20) ? events.slice(0, random.below(events.length + 1)) : events,
    };
  }

  /** A header value, whose bytes are latin1 characters. */
  value(): string {
    const { random, words } = this;
    switch (random.below(16)) {
      case 0:
        return random.pick(ODD);
      case 1:
        return `${random.below(1_000_000)}`;
      case 2:
        return this.changed(random.pick(words.values));
      case 3:
        return random.pick(words.values) + random.pick(words.values);
      case 4:
        return this.isOne(200) ? "v".repeat(LONG) : random.below(2 ** 31).toString(16);
      case 5:
        return this.isOne(50) ? random.pick(FORBIDDEN) : random.pick(words.values);
      default:
        return random.pick(words.values);
    }
  }

  private isOne(of: number): boolean {
    return this.random.below(of) === 0;
  }

  private changed(text: string): string {
    const at = this.random.below(text.length + 1);
    const byte = String.fromCharCode(32 + this.random.below(95));
    return text.slice(0, at) + (this.isOne(2) ? byte : "") + text.slice(at + this.random.below(3));
  }

  private name(): string {
    const { random, words } = this;
    return this.isOne(12) ? `x-${random.below(2 ** 31).toString(36)}` : random.pick(words.names);
  }

  private requestHeaders(): HeaderList {
    const { words, random } = this;
    if (words.scripts.length > 0 && this.isOne(2)) return this.mutated(random.pick(words.scripts).headers);
    const headers: [string, string][] = [
      [":method", this.isOne(20) ? random.pick(METHODS) : random.pick(words.methods)],
      [":path", this.path()],
      [":authority", this.isOne(10) ? this.value() : "shop.test"],
      [":scheme", this.isOne(10) ? "https" : "http"],
    ];
    for (let more = random.below(5); more > 0; more--) headers.push(this.header());
    if (this.isOne(4)) headers.push(["cookie", this.cookie()]);
    return this.isOne(50) ? headers.slice(1 + random.below(headers.length)) : headers;
  }

  private header(): [string, string] {
    const name = this.name();
    return [name, name === "content-type" && this.isOne(2) ? this.random.pick(TYPES) : this.value()];
  }

  private mutated(list: HeaderList): HeaderList {
    const { random } = this;
    const headers = list.map(([name, value]) => [name, value] as [string, string]);
    for (let times = random.below(3); times > 0; times--) {
      const at = random.below(headers.length + 1);
      const [name, value] = headers[at] ?? this.header();
      const isPseudo = name.startsWith(":");
      if (this.isOne(3)) headers.splice(at, isPseudo ? 0 : 1);
      else if (this.isOne(2) && !isPseudo) headers.push([name, value]);
      else headers[at] = [name, this.isOne(2) ? this.changed(value) : this.value()];
    }
    return headers;
  }

  private path(): string {
    const { random, words } = this;
    const path = this.isOne(12) ? this.value() : random.pick(words.paths);
    if (!this.isOne(3)) return path;
    const parameter = () => `${random.pick(words.names)}=${encoded(this.value())}`;
    return `${path}?${Array.from({ length: 1 + random.below(3) }, parameter).join("&")}`;
  }

  private cookie(): string {
    const pair = () => `${this.random.pick(this.words.names)}=${this.value()}`;
    return Array.from({ length: 1 + this.random.below(3) }, pair).join(this.isOne(8) ? ";;" : "; ");
  }

  private pieces(): string[] {
    return Array.from({ length: 1 + this.random.below(3) }, () =>
      this.isOne(300) ? "b".repeat(LONG) : this.isOne(4) ? "" : `${this.value()}\n`,
    );
  }

  private trailers(): HeaderList | undefined {
    return this.isOne(4) ? Array.from({ length: this.random.below(3) }, () => this.header()) : undefined;
  }

  private response(): StreamEvent[] {
    const status = this.isOne(4) ? this.random.pick(STATUSES) : "200";
    const headers: [string, string][] = [[":status", status]];
    for (let more = this.random.below(3); more > 0; more--) headers.push(this.header());
    const rest = this.isOne(3) ? follow("response", this.pieces(), this.trailers()) : [];
    return [{ kind: "response-headers", headers, end: rest.length === 0 }, ...rest];
  }

  /** Time that passes, and answers to the filter's own calls, at random places. */
  private extras(events: readonly StreamEvent[]): StreamEvent[] {
    const { random } = this;
    return events.flatMap((event): StreamEvent[] => {
      if (this.isOne(8)) return [{ kind: "advance", ms: random.below(3000) }, event];
      if (this.isOne(4)) return [{ kind: "answer", status: random.pick([0, 200, 200, 403, 503]) }, event];
      return [event];
    });
  }
}

/** The script with a unique word in half of its headers, including the path and the query. */
export function marked(script: Script, random: Random): Script {
  const mark = () => `${MARK}${random.below(2 ** 31)}`;
  const headers = script.headers.map(([name, value]) =>
    random.below(2) === 0 || name === ":method"
      ? ([name, value] as const)
      : ([name, value + mark()] as const),
  );
  return {
    ...script,
    headers: [...headers, ["x-forwarded-for", mark()] as const, ["cookie", `id=${mark()}`] as const],
  };
}

/** For a query, in which characters that would end a parameter are percent-encoded. */
function encoded(value: string): string {
  return value.replaceAll(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these would end the path
    /[&#?+ \x00-\x1f]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/**
 * Mixes both lists at random and keeps the order within each, since an upstream may answer before
 * it has the whole request.
 */
function merged(one: readonly StreamEvent[], other: readonly StreamEvent[], random: Random): StreamEvent[] {
  if (one.length === 0 || random.below(3) > 0) return [...one, ...other];
  const events: StreamEvent[] = [];
  let [i, k] = [0, 0];
  while (i < one.length || k < other.length) {
    const isFirst = k >= other.length || (i < one.length && random.below(2) === 0);
    events.push((isFirst ? one[i++] : other[k++]) as StreamEvent);
  }
  return events;
}
