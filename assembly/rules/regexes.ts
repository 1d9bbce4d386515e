// The regular expressions of a configuration. Tests with the same pattern share one.

import { ConfigNode } from "../text/config";
import { compileRegex, Regex } from "../text/regex/regex";
import { MAX_REGEX_TABLES, MAX_TEXT_SIZE } from "./limits";

/** Filled while the configuration is compiled. */
@final
export class Regexes {
  private readonly known: Map<string, Regex> = new Map<string, Regex>();
  private size: i32 = 0;

  /** The regular expression at this place; `null` after a fault. */
  parse(node: ConfigNode): Regex | null {
    const pattern = node.text(1, MAX_TEXT_SIZE);
    const key = pattern.toString();
    if (this.known.has(key)) return this.known.get(key);
    const compiled = compileRegex(pattern);
    if (compiled.fault.length > 0) node.fail(compiled.fault);
    const regex = compiled.regex;
    if (!regex) return null;
    this.known.set(key, regex);
    this.size += regex.size;
    if (this.size > MAX_REGEX_TABLES) {
      node.fail(`brings the regular expressions of the configuration to more than ${MAX_REGEX_TABLES} bytes`);
    }
    return regex;
  }
}
