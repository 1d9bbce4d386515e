import { tagOf } from "../../assembly/rules";
import { BUCKET_SIZE, findPlace, keptAt, lease, NO_PLACE, placeFor, take } from "./bucket";

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * SECOND;
const START: u64 = 1000 * SECOND;

const memoryOf: StaticArray<u8> = new StaticArray<u8>(BUCKET_SIZE);
const bucket = changetype<usize>(memoryOf);
let now: u64 = START;

function begin(): void {
  memory.fill(bucket, 0, BUCKET_SIZE);
  now = START;
}

/** A good answer to that key comes; returns whether it is kept. */
function ask(tag: u64): bool {
  let place = findPlace(bucket, tag);
  if (place == NO_PLACE) place = placeFor(bucket, tag, now, DAY, SECOND);
  if (place == NO_PLACE) return false;
  take(bucket, place, tag, now);
  return true;
}

/** So many seconds pass, in each of which the keys 1 to 4 are asked for. */
function popular(seconds: i32): void {
  for (let i = 0; i < seconds; i++) {
    for (let tag: u64 = 1; tag <= 4; tag++) ask(tag);
    now += SECOND;
  }
}

describe("a bucket", () => {
  beforeEach(() => begin());

  it("keeps the first four keys at once, and knows when", () => {
    for (let tag: u64 = 1; tag <= 4; tag++) {
      expect(ask(tag)).toBe(true);
      expect(keptAt(bucket, findPlace(bucket, tag))).toBe(now);
      now += SECOND;
    }
    expect(findPlace(bucket, 5)).toBe(NO_PLACE);
  });

  it("gives a fifth key a place once it was asked for more often", () => {
    for (let tag: u64 = 1; tag <= 4; tag++) ask(tag);
    expect(ask(5)).toBe(false);
    expect(ask(5)).toBe(false, "the same span counts once");
    now += SECOND;
    expect(ask(5)).toBe(true);
    expect(findPlace(bucket, 1)).toBe(NO_PLACE, "of equals the one that was counted first");
    expect(findPlace(bucket, 2)).not.toBe(NO_PLACE);
  });

  it("keeps what is asked for again and again, whatever else is asked for", () => {
    popular(20);
    for (let tag: u64 = 100; tag < 100_100; tag++) {
      ask(tag);
      if (tag % 100 == 0) popular(1);
    }
    for (let tag: u64 = 1; tag <= 4; tag++) expect(findPlace(bucket, tag)).not.toBe(NO_PLACE);
  });

  it("forgets in time what nobody asks for", () => {
    popular(200);
    expect(ask(5)).toBe(false);
    now += 10 * 60 * SECOND;
    ask(5);
    expect(ask(5)).toBe(true);
  });

  it("gives away a place whose answer is too old", () => {
    popular(200);
    now += DAY + 200 * SECOND;
    expect(ask(5)).toBe(true);
  });

  it("keeps a key's score when it gets a place", () => {
    popular(3);
    for (let i = 0; i < 5; i++) {
      ask(5);
      now += SECOND;
    }
    expect(findPlace(bucket, 5)).not.toBe(NO_PLACE);
    popular(1);
    expect(ask(6)).toBe(false);
  });

  it("holds a clock that stands still or goes back", () => {
    popular(5);
    now = START - SECOND;
    expect(ask(1)).toBe(true);
    expect(ask(9)).toBe(false);
    now = 0;
    expect(ask(9)).toBe(false);
  });

  it("leases an answer to one at a time, until the lease ends or an answer is kept", () => {
    ask(1);
    const place = findPlace(bucket, 1);
    now += SECOND;
    expect(lease(bucket, place, now, 500)).toBe(true);
    expect(lease(bucket, place, now, 500)).toBe(false);
    expect(lease(bucket, place, now + SECOND / 2 - 1_000_000, 500)).toBe(false);
    expect(lease(bucket, place, now + SECOND / 2, 500)).toBe(true);
    ask(1);
    expect(lease(bucket, place, now, u64.MAX_VALUE)).toBe(true);
    expect(lease(bucket, place, 0, 500)).toBe(false, "a clock that goes back");
  });

  it("has no tag for nothing", () => {
    expect(tagOf(0)).toBe(1);
    expect(findPlace(bucket, tagOf(0))).toBe(NO_PLACE);
  });
});
