import { expect, it } from "vitest";
import { redirectRules } from "./rules.js";

const calls = [
  { address: "127.0.1.2", port: 8080, listener: 20_000 },
  { address: "127.0.1.3", port: 5432, listener: 20_001 },
];
const rules = (input: Partial<Parameters<typeof redirectRules>[0]> = {}) =>
  redirectRules({ calls, appPort: 8080, ipv6: false, envoyUser: 23_456, ...input }).map((line) =>
    line.trim(),
  );

it("leads each call to the sidecar's listener for it", () => {
  expect(rules()).toContain("ip daddr 127.0.1.2 tcp dport 8080 redirect to :20000");
  expect(rules()).toContain("ip daddr 127.0.1.3 tcp dport 5432 redirect to :20001");
});

it("leads what comes from outside to the sidecar's listener for the app", () => {
  const outside = 'iifname != "lo" tcp dport 8080 redirect to :15006';
  expect(rules()).toContain(`meta nfproto ipv4 ${outside}`);
  expect(rules({ ipv6: true })).toContain(outside);
});

it("lets what is not redirected go nowhere", () => {
  expect(rules()).toContain('iifname != "lo" tcp dport 8080 reject with tcp reset');
  expect(rules()).toContain("ip daddr 127.0.1.2 meta l4proto tcp reject with tcp reset");
});

it("keeps the sidecars' own ports for the sidecar's user", () => {
  expect(rules()).toContain("meta skuid != 23456 tcp dport { 15000, 15006, 15021 } reject with tcp reset");
});

it("replaces the rules of an earlier start", () => {
  expect(rules().slice(0, 3)).toEqual([
    "table inet meshwright",
    "delete table inet meshwright",
    "table inet meshwright {",
  ]);
});

it("has no rule for the port of an app that only calls", () => {
  expect(rules({ appPort: undefined }).join("\n")).not.toContain("iifname");
});
