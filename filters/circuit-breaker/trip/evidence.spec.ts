import { Random } from "../../../assembly/text/seeded-random";
import { LearnedEvidence } from "./evidence";
import { BOOKS_SIZE, LEARNED_SIZE, Tally } from "./trip";

const books = memory.data(88, 8);
const learned = memory.data(16, 8);
const AT_LEAST: f64 = 0.01;
const AT_MOST: f64 = 0.2;

function fresh(): LearnedEvidence {
  memory.fill(books, 0, BOOKS_SIZE);
  memory.fill(learned, 0, LEARNED_SIZE);
  return new LearnedEvidence(AT_LEAST, AT_MOST, 0.5, 1_000_000);
}

/** Requests that fail with this probability; returns how often the circuit tripped. */
function run(trip: LearnedEvidence, failing: f64, requests: i32, random: Random): i32 {
  let trips = 0;
  for (let i = 0; i < requests; i++) {
    if (trip.count(books, learned, random.fraction() < failing, 0) != Tally.Tripped) continue;
    trips++;
    memory.fill(books, 0, BOOKS_SIZE);
  }
  return trips;
}

describe("a learned tolerance", () => {
  it("is the most that it may be until something is known", () => {
    expect(fresh().toleratedOf(learned)).toBe(AT_MOST);
  });

  it("comes near the share of the quiet past, from above", () => {
    const random = new Random(3);
    const shares: f64[] = [0.02, 0.05, 0.1];
    for (let i = 0; i < shares.length; i++) {
      const trip = fresh();
      run(trip, shares[i], 20_000, random);
      const tolerated = trip.toleratedOf(learned);
      expect(tolerated > shares[i] && tolerated < shares[i] * 2).toBe(true);
    }
  });

  it("is at least what the settings say where nothing fails", () => {
    const trip = fresh();
    run(trip, 0, 5000, new Random(4));
    expect(trip.toleratedOf(learned)).toBe(AT_LEAST);
  });

  it("lets a circuit trip sooner that was quiet, and later one that was not", () => {
    const quiet = fresh();
    run(quiet, 0.001, 20_000, new Random(5));
    expect(run(quiet, 0.15, 2000, new Random(6)) > 0).toBe(true);
    const loud = fresh();
    run(loud, 0.12, 20_000, new Random(5));
    expect(run(loud, 0.15, 2000, new Random(6))).toBe(0);
  });

  it("follows a share that grows slowly only as far as it may", () => {
    const trip = fresh();
    const random = new Random(7);
    let most: f64 = 0;
    for (let i = 0; i < 100; i++) {
      run(trip, <f64>i / 100, 2000, random);
      most = max(most, trip.toleratedOf(learned));
    }
    expect(most).toBe(AT_MOST);
    expect(run(trip, 0.6, 1000, random) > 10).toBe(true);
  });

  it("learns nothing from what trips the circuit", () => {
    const trip = fresh();
    run(trip, 0.01, 20_000, new Random(8));
    const before = trip.toleratedOf(learned);
    expect(run(trip, 1, 5000, new Random(9)) >= 1000).toBe(true);
    expect(trip.toleratedOf(learned)).toBe(before);
  });

  it("is the most after any bytes that mean nothing", () => {
    const trip = fresh();
    const random = new Random(10);
    let wrong = 0;
    for (let i = 0; i < 10_000; i++) {
      store<u64>(learned, random.next());
      store<u64>(learned, random.next(), 8);
      store<u64>(books, random.next());
      trip.count(books, learned, i % 3 == 0, 0);
      const tolerated = trip.toleratedOf(learned);
      if (!(tolerated >= AT_LEAST && tolerated <= AT_MOST)) wrong++;
    }
    expect(wrong).toBe(0);
  });
});
