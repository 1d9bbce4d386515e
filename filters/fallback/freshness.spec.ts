import { Bytes } from "../../assembly";
import { Freshness } from "./freshness";

const DEFAULT: i64 = 100;
const MOST: i64 = 10_000;

function read(line: string): Freshness {
  const freshness = new Freshness();
  freshness.readCacheControl(Bytes.of(line));
  return freshness;
}

function usable(line: string): i64 {
  return read(line).usableOnError(DEFAULT, MOST);
}

function age(line: string): i64 {
  const freshness = new Freshness();
  freshness.readAge(Bytes.of(line));
  return freshness.age;
}

describe("cache-control", () => {
  it("says how long an answer is fresh, and how long it may be stale", () => {
    expect(usable("")).toBe(DEFAULT);
    expect(usable("public")).toBe(DEFAULT);
    expect(usable("max-age=60")).toBe(60 + DEFAULT);
    expect(usable("max-age=60, stale-if-error=5")).toBe(65);
    expect(usable("stale-if-error=5,max-age=60")).toBe(65);
    expect(usable("stale-if-error=0")).toBe(0);
    expect(usable('MAX-AGE="60" , Stale-If-Error=5')).toBe(65);
  });

  it("means other caches' time by s-maxage, and no stale answer without stale-if-error", () => {
    expect(usable("s-maxage=60, max-age=5")).toBe(60);
    expect(usable("s-maxage=60, stale-if-error=5")).toBe(65);
  });

  it("forbids stale answers by must-revalidate and proxy-revalidate", () => {
    expect(usable("max-age=60, must-revalidate, stale-if-error=5")).toBe(60);
    expect(usable("proxy-revalidate")).toBe(0);
  });

  it("never goes beyond the rule's limit", () => {
    expect(usable("max-age=99999")).toBe(MOST);
    expect(usable("max-age=99999999999999999999999999, stale-if-error=99999999999999999999")).toBe(MOST);
    expect(read("max-age=99999999999999999999999999").lifetime).toBe(2_147_483_648);
  });

  it("takes the lower of two times, and none for what is no number", () => {
    expect(usable("max-age=60, max-age=5, stale-if-error=0")).toBe(5);
    expect(usable("max-age=-5, stale-if-error=0")).toBe(0);
    expect(usable("max-age=5x, stale-if-error=0")).toBe(0);
    expect(usable("max-age, stale-if-error=")).toBe(0);
  });

  it("forbids to keep by no-store, no-cache and private", () => {
    const lines: string[] = ["no-store", "max-age=1,NO-STORE", "private", 'private="set-cookie"', "no-cache"];
    for (let i = 0; i < lines.length; i++) expect(read(lines[i]).isForbidden).toBe(true, lines[i]);
    expect(read("no-store").noStore).toBe(true);
    expect(read("no-cache").noStore).toBe(false);
    expect(read("no-storage, xprivate").isForbidden).toBe(false);
  });

  it("keeps commas in quotes together", () => {
    expect(read('ext="a, no-store"').isForbidden).toBe(false);
    expect(read('ext="a\\", no-store"').isForbidden).toBe(false);
    expect(read('ext="a", no-store').isForbidden).toBe(true);
  });

  it("says by stale-while-revalidate how long an answer may be served meanwhile", () => {
    expect(read("max-age=5").usableMeanwhile(MOST)).toBe(0);
    expect(read("max-age=5, stale-while-revalidate=10").usableMeanwhile(MOST)).toBe(15);
    expect(read("stale-while-revalidate=10, must-revalidate").usableMeanwhile(MOST)).toBe(0);
  });
});

describe("age", () => {
  it("is a number of seconds", () => {
    expect(age("0")).toBe(0);
    expect(age(" 17 ")).toBe(17);
    expect(age("5, 9")).toBe(5);
  });

  it("is 0 for anything else, and never higher than its limit", () => {
    expect(age("")).toBe(0);
    expect(age("-1")).toBe(0);
    expect(age("1.5")).toBe(0);
    expect(age("x")).toBe(0);
    expect(age("99999999999999999999999999999999")).toBe(2_147_483_648);
  });

  it("is that of the first line", () => {
    const freshness = new Freshness();
    freshness.readAge(Bytes.of("3"));
    freshness.readAge(Bytes.of("9"));
    expect(freshness.age).toBe(3);
  });
});
