import { RequestSlots } from "../../assembly/rules/request-view";
import { Bytes } from "../../assembly/text/bytes";
import { Config } from "../../assembly/text/config";
import { ChancyRequest } from "./chance.fixture";
import { Delay } from "./delay";
import { parseDelay } from "./delay-config";

const DRAWS: i32 = 40_000;

function delayOf(document: string): Delay {
  const config = Config.parse(Bytes.of(document));
  const delay = parseDelay(config.root);
  expect(config.error).toBe("");
  return delay!;
}

function request(): ChancyRequest {
  return new ChancyRequest(new RequestSlots(), 7);
}

/** Many draws, the shortest first. */
function sorted(document: string): StaticArray<u32> {
  const delay = delayOf(document);
  const from = request();
  const drawn = new StaticArray<u32>(DRAWS);
  for (let i = 0; i < DRAWS; i++) drawn[i] = delay.draw(from);
  drawn.sort((a, b) => <i32>a - <i32>b);
  return drawn;
}

function mean(drawn: StaticArray<u32>): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < drawn.length; i++) sum += drawn[i];
  return sum / drawn.length;
}

function percentile(drawn: StaticArray<u32>, share: f64): u32 {
  return drawn[<i32>((share / 100) * (drawn.length - 1))];
}

/** Within 3 %, and within 1 ms for rounding. */
function expectNear(found: f64, wanted: f64): void {
  expect(Math.abs(found - wanted)).toBeLessThan(wanted * 0.03 + 1, `${found}, not ${wanted}`);
}

describe("a delay", () => {
  it("of fixed length draws nothing", () => {
    const from = request();
    expect(delayOf('{"fixed":"250ms"}').draw(from)).toBe(250);
    expect(delayOf('{"fixed":"0ms"}').draw(from)).toBe(0);
    expect(from.draws).toBe(0);
  });

  it("is limited by its maximum, or by an hour without one", () => {
    expect(delayOf('{"fixed":"2s","max":"1.5s"}').draw(request())).toBe(1500);
    const long = sorted('{"logNormal":{"median":"1h","sigma":5}}');
    expect(long[DRAWS - 1]).toBe(3_600_000);
    expect(percentile(sorted('{"exponential":{"mean":"100ms"},"max":"50ms"}'), 90)).toBe(50);
  });

  it("is uniform between two lengths", () => {
    const drawn = sorted('{"uniform":{"min":"100ms","max":"300ms"}}');
    expect(drawn[0]).toBe(100);
    expect(drawn[DRAWS - 1]).toBe(300);
    expectNear(mean(drawn), 200);
    expectNear(percentile(drawn, 25), 150);
    expect(sorted('{"uniform":{"min":"7ms","max":"7ms"}}')[DRAWS - 1]).toBe(7);
  });

  it("is normal, and never below 0", () => {
    const drawn = sorted('{"normal":{"mean":"1s","deviation":"100ms"}}');
    expectNear(mean(drawn), 1000);
    expectNear(percentile(drawn, 15.87), 900);
    expectNear(percentile(drawn, 97.72), 1200);
    const cut = sorted('{"normal":{"mean":"0ms","deviation":"100ms"}}');
    expect(percentile(cut, 49)).toBe(0);
    expectNear(percentile(cut, 84.13), 100);
  });

  it("is exponential", () => {
    const drawn = sorted('{"exponential":{"mean":"500ms"}}');
    expectNear(mean(drawn), 500);
    expectNear(percentile(drawn, 50), 346.6);
    expectNear(percentile(drawn, 95), 1497.9);
  });

  it("is log-normal", () => {
    const drawn = sorted('{"logNormal":{"median":"200ms","sigma":0.5}}');
    expectNear(percentile(drawn, 50), 200);
    expectNear(percentile(drawn, 84.13), 329.7);
    expectNear(percentile(drawn, 15.87), 121.3);
  });

  it("follows a table of percentiles", () => {
    const table =
      '{"percentiles":[{"percentile":0,"delay":"10ms"},{"percentile":50,"delay":"100ms"},' +
      '{"percentile":99,"delay":"100ms"},{"percentile":100,"delay":"2s"}]}';
    const drawn = sorted(table);
    expect(drawn[0]).toBe(10);
    expectNear(percentile(drawn, 25), 55);
    expect(percentile(drawn, 60)).toBe(100);
    expect(percentile(drawn, 98)).toBe(100);
    expect(drawn[DRAWS - 1]).toBeGreaterThan(1800);
    expect(drawn[DRAWS - 1]).toBeLessThanOrEqual(2000);
  });
});
