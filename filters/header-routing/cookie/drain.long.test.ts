// What becomes of a split when people come back and weights change: with our cookie, which names
// the visitor, and with cookies that name the destination. The page has the table.

import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { type HostedModule, loadModule } from "../../../kit/host/load.js";
import { Seeded } from "../../../kit/host/seeded.js";
import type { HeaderList } from "../../../kit/traffic.js";
import { buildFilters } from "../../../toolchain/compile/build.js";

const PEOPLE = 10_000;
/** How often each of them has come at 10 % when the share is looked at. */
const LOOKS = [1, 10, 50];
/** How often they come at each later weight. */
const VISITS = 5;
const WEIGHTS = [10, 20, 50, 10];
/** In percent points: four standard deviations of what chance makes of 10,000 people. */
const TOLERANCE = 2;

/** Sends one visit of a person somewhere. */
interface Design {
  /** Whether the visit goes to the canary. */
  visit(person: number, weight: number, step: number): boolean;
}

const random = new Seeded(2026);
const draw = (weight: number) => random.below(10_000) < weight * 100;

/** Flagger's `cookieName`: the canary sets a cookie, and whoever has it stays there. */
function canaryOnly(): Design {
  const held = new Set<number>();
  return {
    visit(person, weight) {
      if (!held.has(person) && draw(weight)) held.add(person);
      return held.has(person);
    },
  };
}

/** ingress-nginx: the first destination sets a cookie, whichever it is. */
function either(): Design {
  const places = new Map<number, boolean>();
  return {
    visit(person, weight) {
      const place = places.get(person) ?? draw(weight);
      places.set(person, place);
      return place;
    },
  };
}

/** Flagger's `primaryCookieName`: the stable version's cookie holds until the weight changes. */
function eitherUntilStep(): Design {
  const canary = new Set<number>();
  const stableSince = new Map<number, number>();
  return {
    visit(person, weight, step) {
      if (canary.has(person)) return true;
      if (stableSince.get(person) === step) return false;
      if (draw(weight)) canary.add(person);
      else stableSince.set(person, step);
      return canary.has(person);
    },
  };
}

let module: HostedModule;

beforeAll(async () => {
  const [built] = await buildFilters(["header-routing"]);
  if (built === undefined) throw new Error("header-routing was not built");
  module = loadModule(built.path);
});

/** The filter itself. */
function ours(): Design {
  const cookies = new Map<number, string>();
  let configured = -1;
  const configure = (weight: number) => {
    const destinations = [
      { name: "stable", weight: 100 - weight },
      { name: "canary", weight },
    ];
    const config = { rules: [{ name: "canary", split: { cookie: {}, destinations } }] };
    expect(module.configure(JSON.stringify(config)).accepted).toBe(true);
    configured = weight;
  };
  const headerIn = (headers: HeaderList, wanted: string) => headers.find(([name]) => name === wanted)?.[1];
  return {
    visit(person, weight) {
      if (configured !== weight) configure(weight);
      const cookie = cookies.get(person);
      const { request, response } = module.exchange([
        [":method", "GET"],
        [":path", "/"],
        [":authority", "shop.test"],
        ...(cookie === undefined ? [] : [["cookie", cookie] as const]),
      ]);
      const set = headerIn(response, "set-cookie");
      if (set !== undefined) cookies.set(person, set.slice(0, set.indexOf(";")));
      return headerIn(request, "x-mesh-destination") === "canary";
    },
  };
}

/** The share of people, in percent, whose last visit went to the canary, at each look. */
function sharesOf(design: Design): readonly number[] {
  const shares: number[] = [];
  const last: boolean[] = [];
  const visitAll = (times: number, weight: number, step: number) => {
    for (let i = 0; i < times; i++) {
      for (let person = 0; person < PEOPLE; person++) last[person] = design.visit(person, weight, step);
    }
    shares.push((100 * last.filter(Boolean).length) / PEOPLE);
  };
  WEIGHTS.forEach((weight, step) => {
    let before = 0;
    for (const look of step === 0 ? LOOKS : [VISITS]) {
      visitAll(look - before, weight, step);
      before = look;
    }
  });
  return shares;
}

/** The rows of the page's table, by what the cookie names. */
const PAGE = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const ROWS = [...PAGE.matchAll(/^\| (.*) \|((?: \d+ % \|){6})$/gm)].map(
  ([, what = "", cells = ""]) => [what, cells.match(/\d+/g)?.map(Number) ?? []] as const,
);
const DESIGNS: Readonly<Record<string, () => Design>> = {
  "the canary alone": canaryOnly,
  "either, until it expires": either,
  "either, the stable one until the weight changes": eitherUntilStep,
  "the visitor": ours,
};

test("the page's table has these designs", () => {
  expect(ROWS.map(([what]) => what.replace(/:.*/, ""))).toEqual(Object.keys(DESIGNS));
});

test.each(ROWS)("a cookie that names %s", (what, stated) => {
  const shares = sharesOf(DESIGNS[what.replace(/:.*/, "")]?.() ?? either());
  console.log(what, shares);
  expect(shares).toHaveLength(stated.length);
  for (const [i, share] of shares.entries())
    expect(Math.abs(share - (stated[i] ?? -100))).toBeLessThan(TOLERANCE);
});
