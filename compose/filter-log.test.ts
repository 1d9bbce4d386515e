import { beforeEach, expect, it } from "vitest";
import { FilterLog } from "./filter-log.js";

const at = (level: string, text: string, thread = 7, component = "wasm") =>
  `[2026-01-02 03:04:05.678][${thread}][${level}][${component}] [source/a/b.cc:12] ${text}`;

let shown: string[];
let log: FilterLog;
beforeEach(() => {
  shown = [];
  const filters = [
    { name: "1-first", filter: "first", module: "/nowhere/first.wasm" },
    { name: "2-second", filter: "second", module: "/nowhere/second.wasm" },
  ];
  log = new FilterLog({
    envoy: "envoy",
    file: "envoy.log",
    filters: () => filters,
    onLines: (lines) => shown.push(...lines),
  });
});

const told = (lines: readonly unknown[]) => expect.poll(() => shown).toEqual(lines);

it("shows what filters write, with their places, and nothing else of Envoy's log", async () => {
  log.write(at("info", "starting", 7, "main"));
  log.write(at("info", "wasm log 1-first: ready: a b"));
  log.write(at("warning", "wasm log 2-second 2-second vm: two"));
  log.write("lines");
  log.write(at("error", "wasm log unknown: gone"));
  log.write(at("error", "Wasm VM failed Failed to configure base Wasm plugin"));
  await told([
    "info: first at envoy/1-first: ready: a b",
    "warning: second at envoy/2-second: two\\nlines",
    "error: unknown at envoy: gone",
  ]);
});

it("writes out control characters, which a request may have brought", async () => {
  log.write(at("info", "wasm log 1-first: \u001b[2Ja\u0007\u009b\u202e"));
  await told(["info: first at envoy/1-first: \\u{1b}[2Ja\\u{7}\\u{9b}\\u{202e}"]);
});

it("leaves out the words of a refused configuration, which the command tells itself", async () => {
  log.write(at("error", "wasm log 1-first: a: must be a number"));
  log.write(at("info", "wasm log 2-second: of a request", 8));
  log.write(at("warning", "Filesystem config update rejected: Unable to create Wasm plugin", 7, "config"));
  await told(["info: second at envoy/2-second: of a request"]);
});

it("joins what an abort wrote with its trap, and knows the filter by it", async () => {
  log.write(at("critical", "wasm log 2-second: no rule at filters/second/policy.ts:3:5"));
  log.write(at("info", "wasm log 1-first: of another thread", 8));
  log.write(at("error", "Function: proxy_on_request_headers failed: Uncaught RuntimeError: unreachable"));
  log.write(at("error", "Function: proxy_on_log failed: Uncaught RuntimeError: divide by zero"));
  await told([
    "trap: second at envoy/2-second: proxy_on_request_headers: no rule at filters/second/policy.ts:3:5",
    "trap: a filter at envoy: proxy_on_log: RuntimeError: divide by zero",
    "info: first at envoy/1-first: of another thread",
  ]);
});

it("shows some lines in a second, and says how many it left out", async () => {
  for (let i = 0; i < 1_000; i++) log.write(at("info", `wasm log 1-first: ${i}`));
  await expect.poll(() => shown.at(-1)).toMatch(/left out/);
  expect(shown).toHaveLength(21);
  expect(shown.at(-1)).toBe("envoy: 980 more lines were left out; all are in envoy.log");
  log.write(at("info", "wasm log 1-first: later"));
  await expect.poll(() => shown.at(-1)).toBe("info: first at envoy/1-first: later");
});
