// Words that a filter's configurations and requests are about. Random requests made from them reach
// its decisions; requests made from other words hardly ever would.

import type { FilterFacts } from "./facts.js";
import { type Script, scriptOf } from "./script.js";

export interface Vocabulary {
  /** Names of headers, cookies and query parameters. */
  readonly names: readonly string[];
  readonly values: readonly string[];
  readonly paths: readonly string[];
  readonly methods: readonly string[];
  /** The words that the author gave. */
  readonly scripts: readonly Script[];
}

/** How many words of one kind are used. More would make each of them rare. */
const MOST = 200;
const LONGEST = 512;

const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
const NAME_KEY = /name|header|cookie|query/i;

export function vocabularyOf({ accepted, requests = [] }: FilterFacts): Vocabulary {
  const names = new Set("accept content-type user-agent x-request-id x-forwarded-for te".split(" "));
  const values = new Set<string>();
  const collect = (value: unknown, key: string): void => {
    if (typeof value === "object" && value !== null) {
      for (const [inner, item] of Object.entries(value)) collect(item, Array.isArray(value) ? key : inner);
    } else if (typeof value === "number" || (typeof value === "string" && value.length <= LONGEST)) {
      const text = Buffer.from(`${value}`).toString("latin1");
      if (NAME_KEY.test(key) && NAME.test(text)) names.add(text);
      values.add(text);
    }
  };
  for (const document of accepted) collect(document, "");
  const scripts = requests.map(scriptOf);
  for (const [name, value] of scripts.flatMap((script) => script.headers)) {
    if (!name.startsWith(":")) names.add(name);
    if (value.length <= LONGEST) values.add(value);
  }
  const all = [...values];
  const given = scripts.flatMap((script) => script.headers);
  const pseudo = (wanted: string) => given.filter(([name]) => name === wanted).map(([, value]) => value);
  return {
    names: [...names].slice(0, MOST),
    values: ["", "1", "true", ...all].slice(0, MOST),
    paths: ["/", ...pseudo(":path"), ...all.filter((text) => text.startsWith("/"))].slice(0, MOST),
    methods: ["GET", "POST", ...pseudo(":method"), ...all.filter((text) => /^[A-Z]{3,}$/.test(text))],
    scripts,
  };
}
