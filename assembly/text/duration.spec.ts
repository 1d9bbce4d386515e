import { Bytes } from "./bytes";
import { Config } from "./config";
import { millisecondsOf, NO_DURATION, parseDuration } from "./duration";

function ms(text: string): u64 {
  return millisecondsOf(Bytes.of(text));
}

describe("millisecondsOf", () => {
  it("reads each unit", () => {
    expect(ms("0ms")).toBe(0);
    expect(ms("250ms")).toBe(250);
    expect(ms("1s")).toBe(1000);
    expect(ms("1.5s")).toBe(1500);
    expect(ms("0.001s")).toBe(1);
    expect(ms("2m")).toBe(120_000);
    expect(ms("0.5m")).toBe(30_000);
    expect(ms("24h")).toBe(86_400_000);
    expect(ms("999999999h")).toBe(999_999_999 * 3_600_000);
  });

  it("refuses everything else", () => {
    const wrong = [
      "",
      "5",
      "ms",
      "s",
      "-1s",
      "+1s",
      " 1s",
      "1s ",
      "1 s",
      "1.s",
      ".5s",
      "1.0001s",
      "0.5ms",
      "1d",
      "1S",
      "1e3ms",
      "1,5s",
      "1ss",
      "1000000000ms",
      "1\u00002s",
    ];
    for (let i = 0; i < wrong.length; i++) expect(ms(wrong[i])).toBe(NO_DURATION, wrong[i]);
  });
});

describe("parseDuration", () => {
  it("names the bounds in the largest unit", () => {
    const config = Config.parse(Bytes.of('"2h"'));
    expect(parseDuration(config.root, 1, 3_600_000)).toBe(1);
    expect(config.error).toBe("configuration: must be from 1ms to 1h");
  });

  it("says what a duration is", () => {
    const config = Config.parse(Bytes.of('"soon"'));
    parseDuration(config.root, 90_000, 100_000);
    expect(config.error).toBe(
      "configuration: must be a length of time in whole milliseconds, such as 250ms, 1.5s, 10m or 24h",
    );
  });
});
