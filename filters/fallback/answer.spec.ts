import { Bytes, PairsBuilder } from "../../assembly";
import { Answer, Collector, MAX_HEADERS_SIZE } from "./answer";

const SECOND: u64 = 1_000_000_000;
const KEY = Bytes.of("shop.test/tea");

function collected(collector: Collector): Bytes {
  collector.begin(64);
  collector.addHeader(Bytes.of("content-type"), Bytes.of("text/plain"));
  collector.addHeader(Bytes.of("x-empty"), Bytes.of(""));
  collector.addKey(KEY);
  collector.describe(203, 10 * SECOND, 7, 60, 90, 0);
  collector.addBody(Bytes.of("green "));
  collector.addBody(Bytes.of("tea"));
  return collector.bytes().copy();
}

describe("a kept answer", () => {
  it("is read as it was collected", () => {
    const answer = new Answer();
    const collector = new Collector(64);
    expect(answer.read(collected(collector), KEY)).toBe(true);
    expect(answer.status).toBe(203);
    expect(answer.body.toString()).toBe("green tea");
    expect(answer.lifetime).toBe(60);
    expect(answer.usableOnError).toBe(90);
    const pairs = new PairsBuilder();
    answer.addHeadersTo(pairs);
    expect(pairs.count).toBe(2);
  });

  it("has an age that began before it came, and no less with a clock that goes back", () => {
    const answer = new Answer();
    answer.read(collected(new Collector(64)), KEY);
    expect(answer.ageAt(10 * SECOND)).toBe(7);
    expect(answer.ageAt(15 * SECOND + 1)).toBe(12);
    expect(answer.ageAt(2 * SECOND)).toBe(7);
    expect(answer.ageAt(u64.MAX_VALUE)).toBeGreaterThan(90);
  });

  it("is none to another key, also of the same size", () => {
    const answer = new Answer();
    const bytes = collected(new Collector(64));
    expect(answer.read(bytes, Bytes.of("shop.test/tee"))).toBe(false);
    expect(answer.read(bytes, Bytes.of("shop.test/te"))).toBe(false);
    expect(answer.read(bytes, Bytes.of("shop.test/tea?"))).toBe(false);
    expect(answer.read(bytes, Bytes.of(""))).toBe(false);
  });

  it("is none if its sizes do not fit", () => {
    const answer = new Answer();
    const bytes = collected(new Collector(64));
    for (let size = 0; size < bytes.size; size++) {
      expect(answer.read(new Bytes(bytes.ptr, size), KEY)).toBe(false);
    }
    for (let at = 32; at < 44; at += 4) {
      const broken = bytes.copy();
      store<u32>(broken.ptr + at, u32.MAX_VALUE);
      expect(answer.read(broken, KEY)).toBe(false);
    }
  });

  it("has no more than the collector takes", () => {
    const collector = new Collector(8);
    collector.begin(8);
    expect(collector.addBody(Bytes.of("12345678"))).toBe(true);
    expect(collector.addBody(Bytes.of("9"))).toBe(false);
    collector.begin(4);
    expect(collector.addBody(Bytes.of("12345"))).toBe(false);
    expect(collector.addHeader(Bytes.of("a"), Bytes.owned(MAX_HEADERS_SIZE))).toBe(false);
    for (let i = 0; i < 128; i++) expect(collector.addHeader(Bytes.of("a"), Bytes.of("b"))).toBe(true);
    expect(collector.addHeader(Bytes.of("a"), Bytes.of("b"))).toBe(false);
  });

  it("has nothing of the answer before", () => {
    const collector = new Collector(64);
    const first = collected(collector);
    const second = collected(collector);
    expect(second.equals(first)).toBe(true);
  });
});
