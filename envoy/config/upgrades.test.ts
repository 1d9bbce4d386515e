import { expect, test } from "vitest";
import { otherUpgrades } from "./upgrades.js";

/** What Envoy ignores: a matcher's expression must match the whole text. */
function isIgnored(upgrades: readonly string[], protocol: string): boolean {
  return otherUpgrades(upgrades).some(({ safe_regex: { regex } }) => {
    const [, expression = ""] = /^\(\?i\)(.*)$/.exec(regex) ?? [];
    return new RegExp(`^(?:${expression})$`, "is").test(protocol);
  });
}

test.each([
  [["websocket"], ["websocket", "WebSocket"]],
  [
    ["websocket", "web", "spdy/3.1"],
    ["web", "websocket", "SPDY/3.1"],
  ],
  [["a^b$c|d*e.f+g-h"], ["a^b$c|d*e.f+g-h"]],
  [[], []],
])("of %j everything else is ignored", (upgrades, kept) => {
  const others = ["", "h2c", "foo", "w", "web", "webs", "websocke", "websockets", "xwebsocket", "spdy/3"];
  const near = kept.flatMap((word) => [`${word}x`, `x${word}`, word.slice(0, -1), `${word.slice(0, -1)}~`]);
  for (const word of kept) expect.soft(isIgnored(upgrades, word), word).toBe(false);
  for (const word of [...others, ...near]) {
    const isKept = upgrades.some((each) => each.toLowerCase() === word.toLowerCase());
    expect.soft(isIgnored(upgrades, word), word).toBe(!isKept);
  }
});

test("no expression is long, because Envoy 1.36 refuses long ones", () => {
  for (const { safe_regex } of otherUpgrades(["websocket", "spdy/3.1"])) {
    expect(safe_regex.regex.length).toBeLessThan(40);
  }
});
