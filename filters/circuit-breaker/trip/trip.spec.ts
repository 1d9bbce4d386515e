import { Random } from "../../../assembly/text/seeded-random";
import { Evidence } from "./evidence";
import { Rate } from "./rate";
import { BOOKS_SIZE, Consecutive, Tally, Trip } from "./trip";

const books = memory.data(88, 8);
const learned = memory.data(16, 8);
const SECOND: u64 = 1_000_000_000;

/** How many results of that kind, one after another, trip the circuit; -1 if `most` do not. */
function resultsUntilTrip(trip: Trip, isFailure: bool, most: i32, pause: u64 = 0): i32 {
  for (let i = 1; i <= most; i++) {
    if (trip.count(books, learned, isFailure, <u64>i * pause) == Tally.Tripped) return i;
  }
  return -1;
}

function clear(): void {
  memory.fill(books, 0, BOOKS_SIZE);
}

describe("consecutive", () => {
  it("trips at the number, and a success begins anew", () => {
    clear();
    const trip = new Consecutive(3);
    expect(trip.isAtRest(books)).toBe(true);
    expect(trip.count(books, learned, false, 0)).toBe(Tally.Unchanged);
    expect(trip.count(books, learned, true, 0)).toBe(Tally.Counted);
    expect(trip.count(books, learned, true, 0)).toBe(Tally.Counted);
    expect(trip.isAtRest(books)).toBe(false);
    expect(trip.count(books, learned, false, 0)).toBe(Tally.Counted);
    expect(trip.isAtRest(books)).toBe(true);
    expect(resultsUntilTrip(trip, true, 10)).toBe(3);
  });
});

describe("evidence", () => {
  it("trips after six failures in a row, with its defaults", () => {
    clear();
    expect(resultsUntilTrip(new Evidence(0.05, 0.5, 1_000_000), true, 100)).toBe(6);
  });

  it("comes to rest on successes, which then change nothing", () => {
    clear();
    const trip = new Evidence(0.05, 0.5, 1_000_000);
    expect(trip.count(books, learned, false, 0)).toBe(Tally.Unchanged);
    trip.count(books, learned, true, 0);
    expect(trip.isAtRest(books)).toBe(false);
    for (let i = 0; i < 3; i++) expect(trip.count(books, learned, false, 0)).toBe(Tally.Counted);
    expect(trip.isAtRest(books)).toBe(false);
    expect(trip.count(books, learned, false, 0)).toBe(Tally.Counted);
    expect(trip.isAtRest(books)).toBe(true);
    expect(trip.count(books, learned, false, 0)).toBe(Tally.Unchanged);
  });

  it("has a likelihood ratio whose mean is 1 at the tolerated share, and below it at less", () => {
    // The bound on false trips rests on this.
    const tolerated: f64[] = [0.0001, 0.01, 0.05, 0.3];
    const bad: f64[] = [0.01, 0.5, 0.9999];
    for (let i = 0; i < tolerated.length; i++) {
      for (let j = 0; j < bad.length; j++) {
        if (bad[j] <= tolerated[i]) continue;
        const failure = bad[j] / tolerated[i];
        const success = (1 - bad[j]) / (1 - tolerated[i]);
        const mean = tolerated[i] * failure + (1 - tolerated[i]) * success;
        expect(Math.abs(mean - 1) < 1e-12).toBe(true);
        const less = tolerated[i] / 2;
        expect(less * failure + (1 - less) * success < 1).toBe(true);
      }
    }
  });

  it("does not read other bytes as evidence", () => {
    const trip = new Evidence(0.05, 0.5, 1_000_000);
    const odd: f64[] = [NaN, -1, -Infinity];
    for (let i = 0; i < odd.length; i++) {
      store<f64>(books, odd[i]);
      expect(trip.isAtRest(books)).toBe(true);
      expect(resultsUntilTrip(trip, true, 100)).toBe(6);
    }
  });

  it("runs at least as long as stated, in the mean, at the tolerated share", () => {
    // A short bound, so that many runs fit in a test: 200 requests, of which 5 % fail.
    const trip = new Evidence(0.05, 0.5, 200);
    const random = new Random(17);
    let requests: u64 = 0;
    const runs = 2000;
    for (let run = 0; run < runs; run++) {
      clear();
      do requests++;
      while (trip.count(books, learned, random.fraction() < 0.05, 0) != Tally.Tripped);
    }
    expect(<f64>requests / <f64>runs > 200).toBe(true);
  });
});

describe("rate", () => {
  it("trips at the share, once there are enough requests", () => {
    clear();
    const trip = new Rate(5000, 20, 10 * SECOND);
    expect(resultsUntilTrip(trip, false, 10)).toBe(-1);
    expect(resultsUntilTrip(trip, true, 20)).toBe(10);
  });

  it("forgets what has left the window", () => {
    clear();
    const trip = new Rate(5000, 20, 10 * SECOND);
    for (let i = 0; i < 19; i++) expect(trip.count(books, learned, true, SECOND)).toBe(Tally.Counted);
    expect(trip.count(books, learned, true, 12 * SECOND)).toBe(Tally.Counted);
    // One a second never makes twenty in ten seconds.
    clear();
    expect(resultsUntilTrip(trip, true, 200, SECOND)).toBe(-1);
    clear();
    expect(resultsUntilTrip(trip, true, 200, SECOND / 3)).toBe(20);
  });

  it("counts a moment that lies in the past or far in the future, too", () => {
    clear();
    const trip = new Rate(5000, 3, 10 * SECOND);
    expect(trip.count(books, learned, true, 100 * SECOND)).toBe(Tally.Counted);
    expect(trip.count(books, learned, true, 99 * SECOND)).toBe(Tally.Counted);
    expect(trip.count(books, learned, true, 95 * SECOND)).toBe(Tally.Tripped);
    expect(trip.count(books, learned, true, 5 * SECOND)).toBe(Tally.Counted);
    expect(trip.count(books, learned, true, u64.MAX_VALUE)).toBe(Tally.Counted);
  });
});
