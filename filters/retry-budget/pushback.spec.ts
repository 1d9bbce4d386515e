import { Bytes } from "../../assembly/text/bytes";
import { grpcPushesBack, NO_DATE, parseHttpDate, retryAfterSeconds } from "./pushback";

function date(text: string): i64 {
  return parseHttpDate(Bytes.of(text));
}

describe("grpc-retry-pushback-ms", () => {
  it("allows a retry now when it is 0 or absent", () => {
    expect(grpcPushesBack(null)).toBe(false);
    expect(grpcPushesBack(Bytes.of("0"))).toBe(false);
    const others: StaticArray<string> = ["1", "-1", "", "soon", "0.5", "99999999999999999999"];
    for (let i = 0; i < others.length; i++) expect(grpcPushesBack(Bytes.of(others[i]))).toBe(true, others[i]);
  });
});

describe("retry-after", () => {
  it("is a number of seconds", () => {
    expect(retryAfterSeconds(Bytes.of("1"))).toBe(true);
    expect(retryAfterSeconds(Bytes.of("99999999999999999999999"))).toBe(true);
    const others: StaticArray<string> = ["0", "", "-1", "1.5", "soon", " 1"];
    for (let i = 0; i < others.length; i++)
      expect(retryAfterSeconds(Bytes.of(others[i]))).toBe(false, others[i]);
  });

  it("or a date", () => {
    expect(date("Thu, 01 Jan 1970 00:00:00 GMT")).toBe(0);
    expect(date("Sun, 06 Nov 1994 08:49:37 GMT")).toBe(784_111_777_000);
    expect(date("Thu, 29 Feb 2024 23:59:59 GMT")).toBe(1_709_251_199_000);
    expect(date("Fri, 01 Mar 2024 00:00:00 GMT")).toBe(1_709_251_200_000);
    const others: StaticArray<string> = [
      "",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
      "Sun, 06 Nov 1994 08:49:37 GM",
      "Sun, 06 Nox 1994 08:49:37 GMT",
      "Sun, 0x Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:-1:37 GMT",
    ];
    for (let i = 0; i < others.length; i++) expect(date(others[i])).toBe(NO_DATE, others[i]);
  });
});
