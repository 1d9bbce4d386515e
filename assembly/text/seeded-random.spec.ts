import { Random } from "./seeded-random";

describe("Random", () => {
  it("gives the numbers of the published generator", () => {
    const zero = new Random(0);
    expect(zero.next()).toBe(0xe220a8397b1dcdaf);
    expect(zero.next()).toBe(0x6e789e6aa1b965f4);
    expect(zero.next()).toBe(0x06c45d188009454f);
  });

  it("gives the same numbers for the same seed, and others for another", () => {
    const one = new Random(u64.MAX_VALUE);
    const same = new Random(u64.MAX_VALUE);
    const other = new Random(u64.MAX_VALUE - 1);
    let differ = 0;
    for (let i = 0; i < 1000; i++) {
      const number = one.next();
      expect(same.next()).toBe(number);
      if (other.next() != number) differ++;
    }
    expect(differ).toBe(1000);
  });

  it("stays below its bound, and reaches all of it", () => {
    const random = new Random(7);
    const seen = new StaticArray<i32>(10);
    for (let i = 0; i < 10_000; i++) seen[random.below(10)]++;
    for (let i = 0; i < 10; i++) {
      expect(seen[i]).toBeGreaterThan(800);
      expect(seen[i]).toBeLessThan(1200);
    }
    expect(random.below(1)).toBe(0);
    for (let i = 0; i < 1000; i++) expect(random.below(u32.MAX_VALUE)).toBeLessThan(u32.MAX_VALUE);
  });

  it("draws fractions from 0 to below 1", () => {
    const random = new Random(42);
    let sum: f64 = 0;
    for (let i = 0; i < 10_000; i++) {
      const fraction = random.fraction();
      expect(fraction >= 0 && fraction < 1).toBe(true);
      sum += fraction;
    }
    expect(sum > 4900 && sum < 5100).toBe(true);
  });
});
