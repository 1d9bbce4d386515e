import { Bytes } from "./bytes";
import {
  grpcTimeoutText,
  isCountedDown,
  NO_TIMEOUT,
  parseGrpcTimeout,
  parseRouterTimeout,
  parseTimeoutMs,
} from "./timeout";

const MS: u64 = 1_000_000;

function grpc(text: string): u64 {
  return parseGrpcTimeout(Bytes.of(text));
}

function milliseconds(text: string): u64 {
  return parseTimeoutMs(Bytes.of(text));
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
      "5m,9m",
    ];
    for (let i = 0; i < wrong.length; i++) expect(grpc(wrong[i])).toBe(NO_TIMEOUT, wrong[i]);
    expect(parseGrpcTimeout(null)).toBe(NO_TIMEOUT);
  });

  it("is written in milliseconds, with at most eight digits", () => {
    expect(grpcTimeoutText(0).equals(Bytes.of("0m"))).toBe(true);
    expect(grpcTimeoutText(1500).equals(Bytes.of("1500m"))).toBe(true);
    expect(grpcTimeoutText(u64.MAX_VALUE).equals(Bytes.of("99999999m"))).toBe(true);
  });
});

describe("a header with milliseconds", () => {
  it("is a whole number from 0", () => {
    expect(milliseconds("250")).toBe(250 * MS);
    expect(milliseconds("0")).toBe(0);
    const wrong: StaticArray<string> = [
      "",
      "-1",
      "abc",
      "2.5",
      "5,9",
      "99999999999999",
      "9999999999999999999999",
    ];
    for (let i = 0; i < wrong.length; i++) expect(milliseconds(wrong[i])).toBe(NO_TIMEOUT, wrong[i]);
    expect(parseTimeoutMs(null)).toBe(NO_TIMEOUT);
  });

  it("means no timeout with 0, if it is the router's own", () => {
    expect(parseRouterTimeout(Bytes.of("0"))).toBe(NO_TIMEOUT);
    expect(parseRouterTimeout(Bytes.of("-1"))).toBe(NO_TIMEOUT);
    expect(parseRouterTimeout(Bytes.of("250"))).toBe(250 * MS);
    expect(parseRouterTimeout(null)).toBe(NO_TIMEOUT);
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
