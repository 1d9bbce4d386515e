import { Bytes } from "../../assembly/text/bytes";
import { Deadline, isCountedDown, NO_DEADLINE, parseExpectedTimeout, parseGrpcTimeout } from "./deadline";

const MS: u64 = 1_000_000;

function grpc(text: string): u64 {
  return parseGrpcTimeout(Bytes.of(text));
}

function expected(text: string): u64 {
  return parseExpectedTimeout(Bytes.of(text));
}

describe("grpc-timeout", () => {
  it("has six units", () => {
    expect(grpc("7n")).toBe(7);
    expect(grpc("7u")).toBe(7_000);
    expect(grpc("250m")).toBe(250 * MS);
    expect(grpc("3S")).toBe(3_000 * MS);
    expect(grpc("2M")).toBe(120_000 * MS);
    expect(grpc("99999999H")).toBe(<u64>99999999 * 3_600_000 * MS);
    expect(grpc("0m")).toBe(0);
  });

  it("is absent if it is anything else", () => {
    const wrong: StaticArray<string> = [
      "",
      "m",
      "5",
      "5 m",
      "-5m",
      "5.0m",
      "5ms",
      "5x",
      "123456789m",
      "5s",
      " 5m",
    ];
    for (let i = 0; i < wrong.length; i++) expect(grpc(wrong[i])).toBe(NO_DEADLINE, wrong[i]);
    expect(parseGrpcTimeout(null)).toBe(NO_DEADLINE);
  });
});

describe("x-envoy-expected-rq-timeout-ms", () => {
  it("is a number of milliseconds above 0", () => {
    expect(expected("250")).toBe(250 * MS);
    const wrong: StaticArray<string> = [
      "",
      "0",
      "-1",
      "abc",
      "2.5",
      "99999999999999",
      "9999999999999999999999",
    ];
    for (let i = 0; i < wrong.length; i++) expect(expected(wrong[i])).toBe(NO_DEADLINE, wrong[i]);
    expect(parseExpectedTimeout(null)).toBe(NO_DEADLINE);
  });
});

describe("a deadline", () => {
  it("is what the router gives, counted from now", () => {
    const deadline = new Deadline();
    expect(deadline.isOver(u64.MAX_VALUE - 1)).toBe(false);
    deadline.set(1_000 * MS, 300 * MS, NO_DEADLINE);
    expect(deadline.isOver(1_299 * MS)).toBe(false);
    expect(deadline.isOver(1_300 * MS)).toBe(true);
    deadline.set(u64.MAX_VALUE - MS, 300 * MS, NO_DEADLINE);
    expect(deadline.isOver(u64.MAX_VALUE - 1)).toBe(false);
    deadline.clear();
    expect(deadline.isOver(1_300 * MS)).toBe(false);
  });

  it("is over when the router says that nothing is left", () => {
    const deadline = new Deadline();
    deadline.set(MS, MS, NO_DEADLINE);
    expect(deadline.isOver(MS)).toBe(true);
  });
});

describe("a grpc-timeout that the router counts down", () => {
  const same = (grpc: string, router: string): bool => isCountedDown(Bytes.of(grpc), Bytes.of(router));

  it("is written in the milliseconds of x-envoy-expected-rq-timeout-ms", () => {
    expect(same("300m", "300")).toBe(true);
  });

  it("is not taken from a client's value that happens to be equal", () => {
    const others: StaticArray<string> = ["1S", "300u", "301m", "1300m", "", "m"];
    for (let i = 0; i < others.length; i++) expect(same(others[i], "300")).toBe(false, others[i]);
    expect(same("1S", "1000")).toBe(false);
  });
});
