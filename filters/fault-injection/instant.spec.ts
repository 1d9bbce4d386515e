import { Bytes } from "../../assembly/text/bytes";
import { instantOf, NO_INSTANT } from "./instant";

function at(text: string): i64 {
  return instantOf(Bytes.of(text));
}

describe("a moment", () => {
  it("is in milliseconds since 1970", () => {
    expect(at("1970-01-01T00:00:00Z")).toBe(0);
    expect(at("1969-12-31T23:59:59.999Z")).toBe(-1);
    expect(at("2026-11-21T18:00:00Z")).toBe(1795284000000);
    expect(at("2000-02-29T00:00:00Z")).toBe(951782400000);
    expect(at("2000-03-01T00:00:00Z")).toBe(951868800000);
    expect(at("2100-03-01T00:00:00Z")).toBe(4107542400000);
    expect(at("0000-01-01T00:00:00Z")).toBe(-62167219200000);
    expect(at("9999-12-31T23:59:59.999Z")).toBe(253402300799999);
  });

  it("knows every day of four hundred years, in order", () => {
    let expected = at("1900-01-01T00:00:00Z");
    for (let year = 1900; year < 2300; year++) {
      for (let month = 1; month <= 12; month++) {
        for (let day = 1; day <= 31; day++) {
          const instant = at(
            `${year}-${month.toString().padStart(2, "0")}-${day.toString().padStart(2, "0")}T00:00:00Z`,
          );
          if (instant == NO_INSTANT) continue;
          assert(instant == expected, `${year}-${month}-${day}`);
          expected += 86_400_000;
        }
      }
    }
    expect(expected).toBe(at("2300-01-01T00:00:00Z"));
  });

  it("is the same in every time zone", () => {
    const utc = at("2026-11-21T18:00:00Z");
    expect(at("2026-11-21T19:30:00+01:30")).toBe(utc);
    expect(at("2026-11-21T10:00:00-08:00")).toBe(utc);
    expect(at("2026-11-22T17:59:00+23:59")).toBe(utc);
    expect(at("2026-11-21T18:00:00-00:00")).toBe(utc);
  });

  it("has fractions of a second, cut off below a millisecond", () => {
    const whole = at("2026-11-21T18:00:00Z");
    expect(at("2026-11-21T18:00:00.5Z") - whole).toBe(500);
    expect(at("2026-11-21T18:00:00.05Z") - whole).toBe(50);
    expect(at("2026-11-21T18:00:00.0059999Z") - whole).toBe(5);
    expect(at("2026-11-21T18:00:00.999999999+00:00") - whole).toBe(999);
  });

  it("refuses everything else", () => {
    const wrong = [
      "",
      "2026-11-21T18:00:00",
      "2026-11-21T18:00Z",
      "2026-11-21t18:00:00Z",
      "2026-11-21T18:00:00z",
      "2026-11-21T24:00:00Z",
      "2026-11-21T23:59:60Z",
      "2026-02-29T00:00:00Z",
      "1900-02-29T00:00:00Z",
      "2026-11-00T00:00:00Z",
      "2026-11-31T00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-11-21T18:00:00.Z",
      "2026-11-21T18:00:00+24:00",
      "2026-11-21T18:00:00+0100",
      "2026-11-21T18:00:00 01:00",
      "2026-11-21T18:00:00Z0",
      "-026-11-21T18:00:00Z",
    ];
    for (let i = 0; i < wrong.length; i++) expect(at(wrong[i])).toBe(NO_INSTANT, wrong[i]);
  });
});
