import { Bytes } from "../../assembly/text/bytes";
import { NO_PROMISE } from "./books";
import { RatioBooks } from "./ratio";

const SECOND: u64 = 1_000_000_000;
/** A possible time of Envoy's clock. */
const START: u64 = 3_600 * SECOND;

/** Writes the books and reads them again, as with shared data. */
function keep(books: RatioBooks): Bytes {
  return books.bytes.copy();
}

function requests(books: RatioBooks, count: i32): void {
  for (let i = 0; i < count; i++) books.first(0);
}

describe("books of the policy ratio", () => {
  it("allow a share of the requests, rounded down", () => {
    const books = new RatioBooks(2_000, 10_000, 0);
    books.load(null, START);
    expect(books.remaining()).toBe(0);
    requests(books, 4);
    expect(books.retry(NO_PROMISE)).toBe(false);
    requests(books, 10);
    expect(books.remaining()).toBe(2);
    expect(books.retry(NO_PROMISE)).toBe(true);
    expect(books.retry(NO_PROMISE)).toBe(true);
    expect(books.retry(NO_PROMISE)).toBe(false);
  });

  it("allow the minimum of a whole window at once", () => {
    const books = new RatioBooks(0, 5_000, 3);
    books.load(null, START);
    for (let i = 0; i < 15; i++) expect(books.retry(NO_PROMISE)).toBe(true);
    expect(books.retry(NO_PROMISE)).toBe(false);
  });

  it("forget what is older than the window, and nothing that is younger than nine tenths of it", () => {
    const books = new RatioBooks(10_000, 10_000, 0);
    books.load(null, START);
    requests(books, 7);
    books.load(keep(books), START + 9 * SECOND);
    expect(books.remaining()).toBe(7);
    books.load(keep(books), START + 10 * SECOND);
    expect(books.remaining()).toBe(0);
  });

  it("keep a retry at least as long as the request that paid for it", () => {
    const books = new RatioBooks(10_000, 10_000, 0);
    books.load(null, START);
    requests(books, 2);
    books.load(keep(books), START + 9 * SECOND);
    books.retry(NO_PROMISE);
    books.retry(NO_PROMISE);
    books.load(keep(books), START + 11 * SECOND);
    requests(books, 1);
    expect(books.remaining()).toBe(0);
  });

  it("are new after any length of time, and do not change when a clock is behind", () => {
    const books = new RatioBooks(10_000, 1_000, 0);
    books.load(null, START);
    requests(books, 5);
    books.load(keep(books), START - SECOND);
    expect(books.remaining()).toBe(5);
    requests(books, 1);
    expect(books.remaining()).toBe(6);
    books.load(keep(books), START + 365 * 86_400 * SECOND);
    expect(books.remaining()).toBe(0);
    books.load(keep(books), u64.MAX_VALUE);
    expect(books.remaining()).toBe(0);
  });

  it("count a promise until it is redeemed, once, or expires", () => {
    const books = new RatioBooks(0, 1_000, 2);
    books.load(null, START);
    const lapse = books.lapse;
    expect(books.promise(false)).toBe(true);
    expect(books.promise(true)).toBe(true);
    expect(books.promise(false)).toBe(false);
    expect(books.retry(NO_PROMISE)).toBe(false);
    expect(books.retry(lapse)).toBe(true);
    books.load(keep(books), START + SECOND / 4);
    expect(books.remaining()).toBe(0);
    expect(books.retry(lapse)).toBe(true);
    expect(books.retry(lapse)).toBe(false);
    expect(books.retry(lapse + 9)).toBe(false);
  });

  it("give a promise that has expired to others", () => {
    const books = new RatioBooks(0, 60_000, 1);
    books.load(null, START);
    for (let i = 0; i < 60; i++) expect(books.promise(false)).toBe(true);
    const lapse = books.lapse;
    books.load(keep(books), START + (3 * SECOND) / 10);
    expect(books.remaining()).toBe(0);
    books.load(keep(books), START + (6 * SECOND) / 10);
    expect(books.remaining()).toBe(60);
    expect(books.retry(lapse)).toBe(true);
    expect(books.remaining()).toBe(59);
  });

  it("grant what a request may need, and take back what it did not, while it is in the window", () => {
    const books = new RatioBooks(0, 1_000, 5);
    books.load(null, START);
    expect(books.first(3)).toBe(3);
    const step = books.step;
    expect(books.first(3)).toBe(2);
    expect(books.first(3)).toBe(0);
    books.load(keep(books), START + SECOND / 2);
    books.settle(step, 4);
    expect(books.remaining()).toBe(4);
    books.settle(step, 100);
    expect(books.remaining()).toBe(5);
    books.retry(NO_PROMISE);
    books.load(keep(books), START + SECOND);
    books.settle(step, 100);
    books.settle(u64.MAX_VALUE, 100);
    expect(books.remaining()).toBe(4);
  });

  it("take what a counter has counted into the step that was the newest meanwhile", () => {
    const books = new RatioBooks(10_000, 10_000, 0);
    // What was counted before the books began is none of theirs.
    books.counted = 40;
    books.load(null, START);
    expect(books.remaining()).toBe(0);
    books.counted = 47;
    books.load(keep(books), START + 9 * SECOND);
    expect(books.remaining()).toBe(7);
    expect(books.hasOpened).toBe(true);
    books.counted = 50;
    books.load(keep(books), START + 9 * SECOND);
    expect(books.hasOpened).toBe(false);
    expect(books.remaining()).toBe(10);
    books.load(keep(books), START + 10 * SECOND);
    expect(books.remaining()).toBe(3);
    books.load(keep(books), START + 19 * SECOND);
    expect(books.remaining()).toBe(0);
  });

  it("take a counter that was set back for one that begins", () => {
    const books = new RatioBooks(10_000, 10_000, 0);
    books.counted = 0;
    books.load(null, START);
    books.counted = 9;
    books.load(keep(books), START);
    books.counted = 2;
    books.load(keep(books), START);
    expect(books.remaining()).toBe(9);
    books.counted = 5;
    books.load(keep(books), START);
    expect(books.remaining()).toBe(12);
  });

  it("are new when the stored bytes have another size", () => {
    const books = new RatioBooks(0, 1_000, 5);
    books.load(Bytes.of("no books"), START);
    expect(books.remaining()).toBe(5);
  });
});
