// What two filters of a bundle do in one stream, in pairs. A chain of modules and a bundle of them
// get the same requests.

import { describe, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import type { Shape } from "./chain-exchange.js";
import { inParallel, type Plan, TwinBench } from "./twins.js";

/** The probes are `a`, `b` and `c`. A request says what they do. */
export const ORDER = ["chain-a", "trace-headers", "chain-b", "header-routing", "chain-c"];
export const CONFIGURATIONS: Readonly<Record<string, Json>> = {
  "chain-a": "a",
  "chain-b": "b",
  "chain-c": "c",
  "trace-headers": { responseHeader: "x-trace" },
  "header-routing": {
    rules: [
      {
        name: "v2",
        match: { headers: [{ name: "x-version", exact: "2" }] },
        split: {
          cookie: { maxAge: "1h", refresh: true },
          destinations: [{ name: "upstream", weight: 1 }],
        },
        rewrite: { path: "/rewritten", host: "inner.test" },
        requestHeaders: { add: [{ name: "x-routed", value: "1" }], remove: ["user-agent"] },
        responseHeaders: { set: [{ name: "x-routed", value: "1" }], remove: ["date"] },
      },
      {
        name: "away",
        match: { headers: [{ name: "x-version", exact: "away" }] },
        redirect: { path: "/new", status: 308 },
      },
      {
        name: "gone",
        match: { headers: [{ name: "x-version", exact: "gone" }] },
        answer: { status: 410, body: "gone", headers: [{ name: "x-reply", value: "gone" }] },
      },
      { name: "web", match: { headers: [{ name: "x-version", exact: "web" }] }, destination: "web" },
    ],
  },
};

/** A visitor who comes back. */
const VISITOR = { cookie: "mesh-visitor=0123456789abcdef0123456789abcdef" };

export const startPairsBench = (): Promise<TwinBench> =>
  TwinBench.start({ order: ORDER, configurations: CONFIGURATIONS, headers: VISITOR });

/**
 * What the first filter in a direction does, and what the filter behind it does: headers h, bodies
 * b, trailers t.
 */
const FIRST = ["", "h=pause", "h=pauseall", "h=reply", "h=latereply", "h=end"];
const EITHER = [
  "",
  "h=reply",
  "h=end",
  "b=mark",
  "b=front",
  "b=shrink",
  "b=clear",
  "b=buffer",
  "b=replace",
  "b=drop",
  "b=watermark",
  "b=holdend",
  "b=editlate",
  "b=latereply",
  "b=reply",
  "t=pause",
  "b=replace,t=pause",
];
/** Each verb that can come first, once. */
const LEADERS = [...new Set([...FIRST, ...EITHER])];
/**
 * Each first verb shifts the place of the second, so that every choice of places has every verb.
 */
const placeOf = (first: string, second: string) => LEADERS.indexOf(first) + EITHER.indexOf(second);
const PAUSES = /h=(pause|latereply)/;

/**
 * If a filter answers after the response has begun, timing decides how much of the response the
 * client received.
 */
const isRace = (direction: string, first: string, second: string) =>
  direction === "s" && /reply/.test(first + second) && !/h=/.test(first + second);

/**
 * Envoy passes what a paused filter held back to the filters behind it in a way that no filter can
 * repeat.
 */
const isPeculiar = (first: string, second: string) => PAUSES.test(first) && /b=drop|t=pause/.test(second);

/** Whether a pair is tested, by its place in the order of all pairs. */
export type Choice = (place: number) => boolean;

/** Declares the tests of all chosen pairs. Each verb is also tested alone. */
export function describePairs(bench: () => TwinBench, isChosen: Choice): void {
  describe.each(["forward", "backward"] as const)("a bundle in stock Envoy, %s", (order) => {
    describe.each([
      ["requests", "q"],
      ["responses", "s"],
    ])("%s", (_, direction) => {
      // Responses pass the filters from the last to the first.
      const leader = (order === "forward") === (direction === "q") ? "a" : "c";
      const planOf = (first: string, second: string, shape: Shape): Plan => ({
        plans: { [leader]: withDirection(first, direction), b: withDirection(second, direction) },
        request: direction === "q" ? shape : "body",
        response: direction === "s" ? shape : "body",
      });

      test.each(LEADERS)("the first of two filters does %j", async (first) => {
        const seconds = EITHER.filter(
          (second) => !isRace(direction, first, second) && !isPeculiar(first, second),
        );
        const chosen = seconds.filter((second) => second === "" || isChosen(placeOf(first, second)));
        await inParallel(chosen, (second) => bench().expectSame(order, planOf(first, second, "trailers")));
      });

      test.each(["headers", "body"] as const)("with %s alone", async (shape) => {
        const firsts = LEADERS.filter((first) => !isRace(direction, first, ""));
        await inParallel(firsts, (first) => bench().expectSame(order, planOf(first, "", shape)));
      });

      test("both pause", async () => {
        const pairs = FIRST.flatMap((first) => FIRST.map((second) => [first, second] as const));
        await inParallel(pairs, ([first, second]) =>
          bench().expectSame(order, planOf(first, second, "headers")),
        );
      });
    });
  });
}

function withDirection(plan: string, direction: string): string {
  return plan === "" ? "" : plan.replaceAll(/(^|,)/g, `$1${direction}`);
}
