// header-routing in stock Envoy by what a filter before it put into the stream's metadata: claims
// in matches, and as the key of a split.

import { afterAll, beforeAll, expect, test } from "vitest";
import { typedConfig } from "../../../envoy/config/typed-config.js";
import type { HeaderRoutingConfig } from "../../../filters/header-routing/schema.js";
import { type RoutingEnvoy, startRoutingEnvoy } from "./routing-envoy.js";

/** A payload as a verified token's is kept. */
const PAYLOAD = {
  sub: "ann",
  tier: "gold",
  level: 8,
  text: "8",
  admin: true,
  nothing: null,
  looksLikeEight: "\0\0\0\0\0\0 @",
  roles: ["user", "editor", null],
  org: { id: "acme" },
};

let routing: RoutingEnvoy;

beforeAll(async () => {
  routing = await startRoutingEnvoy({
    before: [
      {
        name: "envoy.filters.http.set_metadata",
        typed_config: typedConfig("envoy.extensions.filters.http.set_metadata.v3.Config", {
          metadata: [{ metadata_namespace: "authn", value: { jwt: PAYLOAD } }],
        }),
      },
    ],
  });
});
afterAll(() => routing?.[Symbol.asyncDispose]());

type Claims = NonNullable<NonNullable<HeaderRoutingConfig["rules"][number]["match"]>["claims"]>;
type ClaimTest = Omit<Claims[number], "payload" | "claim">;

const isAt = (claim: string[]) => ({ payload: "jwt", namespace: "authn", claim });

/** Whether a request matches a test of the claim. */
async function holds(claim: string[], test: ClaimTest): Promise<boolean> {
  const claims = [{ ...isAt(claim), ...test }];
  await routing.configure({ rules: [{ name: "claims", match: { claims }, destination: "v2" }] });
  return (await routing.reached()) === "v2";
}

test("a claim is tested by its type and value", async () => {
  expect(await holds(["tier"], { exact: "gold" })).toBe(true);
  expect(await holds(["tier"], { oneOf: ["silver", 8, "gold"] })).toBe(true);
  expect(await holds(["tier"], { suffix: "ld" })).toBe(true);
  expect(await holds(["level"], { exact: 8 })).toBe(true);
  expect(await holds(["level"], { exact: "8" })).toBe(false);
  expect(await holds(["level"], { range: { from: 8, to: 8 } })).toBe(true);
  expect(await holds(["text"], { exact: 8 })).toBe(false);
  expect(await holds(["text"], { range: { from: 8, to: 8 } })).toBe(false);
  expect(await holds(["looksLikeEight"], { exact: 8 })).toBe(false);
  expect(await holds(["looksLikeEight"], { exact: PAYLOAD.looksLikeEight })).toBe(true);
  expect(await holds(["admin"], { exact: true })).toBe(true);
  expect(await holds(["admin"], { exact: "\u0001" })).toBe(false);
});

test("null, a list and an object are there, a missing claim is not", async () => {
  expect(await holds(["nothing"], { exact: null })).toBe(true);
  expect(await holds(["nothing"], { present: true })).toBe(true);
  expect(await holds(["none"], { exact: null })).toBe(false);
  expect(await holds(["none"], { absent: true })).toBe(true);
  expect(await holds(["org"], { present: true })).toBe(true);
  expect(await holds(["org", "id"], { exact: "acme" })).toBe(true);
});

test("a list passes if one of its entries does", async () => {
  expect(await holds(["roles"], { exact: "editor" })).toBe(true);
  expect(await holds(["roles"], { exact: "editor", invert: true })).toBe(false);
  expect(await holds(["roles"], { prefix: "ed" })).toBe(true);
  expect(await holds(["roles"], { exact: null })).toBe(true);
  expect(await holds(["roles"], { exact: "admin" })).toBe(false);
});

test("a claim is the key of a split, and a text of it can be pinned", async () => {
  const split = (destinations: { name: string; weight: number }[], keys: string[]) =>
    routing.configure({
      rules: [
        {
          name: "split",
          split: { key: { jwtClaim: isAt(["sub"]) }, destinations, pins: [{ keys, destination: "v3" }] },
        },
      ],
    });
  const half = [
    { name: "v1", weight: 50 },
    { name: "v2", weight: 50 },
  ];
  await split(half, ["ben"]);
  const reached = new Set<string>();
  for (let i = 0; i < 8; i++) reached.add(await routing.reached());
  expect(reached.size).toBe(1);
  await split(half, ["ann"]);
  expect(await routing.reached()).toBe("v3");
});
