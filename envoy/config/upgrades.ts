// Which upgrades of a connection Envoy carries out. It answers every other one with 403, unless it
// is told to ignore it: then the request goes on without it, as RFC 9110, 7.8 allows every server.

/** What an HTTP listener carries out when nothing else is said. */
export const DEFAULT_UPGRADES: readonly string[] = ["websocket"];

/** One of Envoy's `StringMatcher`s: a regular expression of RE2, for the whole text. */
export interface RegexMatcher {
  readonly safe_regex: { readonly regex: string };
}

/** The entries of `upgrade_configs`. */
export function upgradeConfigs(upgrades: readonly string[]): readonly { readonly upgrade_type: string }[] {
  return upgrades.map((upgrade) => ({ upgrade_type: upgrade }));
}

/**
 * Matchers of every protocol that is not one of these, for `ignore_http_11_upgrade`. Envoy asks
 * about each protocol of a list by itself. RE2 cannot say "none of these", so there is a matcher
 * for each place where a text can part from all of them. Each is small, because Envoy 1.36 refuses
 * an expression of more than 100 steps.
 */
export function otherUpgrades(upgrades: readonly string[]): readonly RegexMatcher[] {
  const words = upgrades.map((upgrade) => upgrade.toLowerCase());
  const starts = new Set(["", ...words.flatMap((word) => [...word].map((_, i) => word.slice(0, i + 1)))]);
  return [...starts].map((start) => {
    const following = words.filter((word) => word.startsWith(start) && word !== start);
    const next = [...new Set(following.map((word) => word[start.length] ?? ""))].map(escaped).join("");
    const other = next === "" ? ".+" : `[^${next}].*`;
    return matcher(`${escaped(start)}${words.includes(start) ? other : `(${other})?`}`);
  });
}

function matcher(regex: string): RegexMatcher {
  return { safe_regex: { regex: `(?i)${regex}` } };
}

/** The characters of a protocol's name (RFC 9110, 5.6.2) that mean something in an expression. */
function escaped(text: string): string {
  return text.replace(/[$*+.^|/\\-]/g, "\\$&");
}
