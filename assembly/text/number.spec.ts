import { Bytes } from "./bytes";
import { decimalText, NOT_A_NUMBER, parseInteger } from "./number";

function parsed(text: string): i64 {
  return parseInteger(Bytes.of(text));
}

describe("parseInteger", () => {
  it("reads whole decimal numbers", () => {
    expect(parsed("0")).toBe(0);
    expect(parsed("-0")).toBe(0);
    expect(parsed("42")).toBe(42);
    expect(parsed("-42")).toBe(-42);
    expect(parsed("007")).toBe(7);
  });

  it("reads 18 digits and refuses 19", () => {
    expect(parsed("999999999999999999")).toBe(999999999999999999);
    expect(parsed("-999999999999999999")).toBe(-999999999999999999);
    expect(parsed("9999999999999999999")).toBe(NOT_A_NUMBER);
    expect(parsed("0000000000000000001")).toBe(NOT_A_NUMBER);
  });

  it("refuses everything else", () => {
    const refused: string[] = [
      "",
      "-",
      "--1",
      "+1",
      " 1",
      "1 ",
      "1.0",
      "1e2",
      "0x10",
      "1_000",
      "1-",
      "٣",
      "１",
      "1\0",
      "/",
      ":",
      "∞",
    ];
    for (let i = 0; i < refused.length; i++) expect(parsed(refused[i])).toBe(NOT_A_NUMBER, refused[i]);
  });

  it("reads nothing beyond its size", () => {
    const text = Bytes.of("1234");
    expect(parseInteger(new Bytes(text.ptr, 2))).toBe(12);
    expect(parseInteger(new Bytes(0, 0))).toBe(NOT_A_NUMBER);
  });
});

describe("decimalText", () => {
  it("writes whole numbers", () => {
    const numbers: u64[] = [
      0,
      7,
      9,
      10,
      99,
      100,
      999,
      4294967295,
      1000000000,
      9007199254740991,
      u64.MAX_VALUE,
    ];
    for (let i = 0; i < numbers.length; i++)
      expect(decimalText(numbers[i]).toString()).toBe(numbers[i].toString());
  });
});
