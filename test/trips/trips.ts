// How often each rule of circuit-breaker trips without cause, and how soon with cause, on the same
// traffic: the filter's own code, compiled with a loop around it.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { compileSource } from "../support/compile-source.js";

/** The loop: one request after another, each of which fails by chance. */
const SOURCE = `
import { Random } from "./assembly/text/seeded-random";
import { Evidence, LearnedEvidence } from "./filters/circuit-breaker/trip/evidence";
import { Rate } from "./filters/circuit-breaker/trip/rate";
import { BOOKS_SIZE, Consecutive, LEARNED_SIZE, Tally, Trip } from "./filters/circuit-breaker/trip/trip";

const books = new StaticArray<u8>(BOOKS_SIZE);
const learned = new StaticArray<u8>(LEARNED_SIZE);
const SECOND: u64 = 1_000_000_000;
const trips: Trip[] = [
  new Consecutive(5),
  new Rate(5000, 20, 10 * SECOND),
  new Evidence(0.05, 0.5, 1_000_000),
  new Evidence(0.05, 0.5, 1_000),
  new LearnedEvidence(0.01, 0.2, 0.5, 1_000_000),
  new LearnedEvidence(0.01, 0.2, 0.5, 1_000),
];

let past: i32 = 0;
let pastFailing: f64 = 0;

/**
 * What came before each trace: so many requests, of which a circuit that trips forgets the
 * evidence.
 */
export function setPast(requests: i32, failing: f64): void {
  past = requests;
  pastFailing = failing;
}

/** Requests until the circuit trips, at most \`most\`; 0 if it does not. */
export function untilTrip(rule: i32, failing: f64, perSecond: f64, seed: u64, most: i32): i32 {
  memory.fill(changetype<usize>(books), 0, BOOKS_SIZE);
  memory.fill(changetype<usize>(learned), 0, LEARNED_SIZE);
  const random = new Random(seed);
  const trip = trips[rule];
  const pause = <f64>SECOND / perSecond;
  for (let i = 0; i < past; i++) {
    const isFailure = random.fraction() < pastFailing;
    const tally = trip.count(changetype<usize>(books), changetype<usize>(learned), isFailure, SECOND);
    if (tally == Tally.Tripped) memory.fill(changetype<usize>(books), 0, BOOKS_SIZE);
  }
  for (let i = 1; i <= most; i++) {
    const now = 1_000_000 * SECOND + <u64>(<f64>i * pause);
    const isFailure = random.fraction() < failing;
    const tally = trip.count(changetype<usize>(books), changetype<usize>(learned), isFailure, now);
    if (tally == Tally.Tripped) return i;
  }
  return 0;
}
`;

/** The rules, in the order of the loop's list. */
export const RULES = [
  "consecutive",
  "rate",
  "evidence",
  "evidence, 1 in 1,000",
  "learned",
  "learned, 1 in 1,000",
] as const;
export type TripRule = (typeof RULES)[number];

export interface Traffic {
  /** The probability with which each request fails. */
  readonly failing: number;
  readonly perSecond: number;
  /** What came before. Default: nothing. */
  readonly past?: { readonly requests: number; readonly failing: number };
}

export interface Runs {
  /** The share of the runs that tripped within their requests. */
  readonly tripped: number;
  /** Requests until then, in the mean of the runs that tripped. */
  readonly mean: number;
  /** Requests of all runs together, and how often they tripped. */
  readonly requests: number;
  readonly trips: number;
}

/** Runs a rule on so many traces; traces of one seed are the same for every rule. */
export type RunRule = (rule: TripRule, traffic: Traffic, runs: number, most: number) => Runs;

export async function loadTrips(): Promise<RunRule> {
  const directory = await mkdtemp(path.join(tmpdir(), "trips-"));
  try {
    const file = path.join(directory, "trips.wasm");
    await compileSource(SOURCE, file);
    const { instance } = await WebAssembly.instantiate(await readFile(file), {});
    const untilTrip = instance.exports.untilTrip as (
      rule: number,
      failing: number,
      perSecond: number,
      seed: bigint,
      most: number,
    ) => number;
    const setPast = instance.exports.setPast as (requests: number, failing: number) => void;
    return (rule, { failing, perSecond, past = { requests: 0, failing: 0 } }, runs, most) => {
      setPast(past.requests, past.failing);
      let [requests, trips, sum] = [0, 0, 0];
      for (let run = 0; run < runs; run++) {
        const at = untilTrip(RULES.indexOf(rule), failing, perSecond, BigInt(run) * 7_919n + 1n, most);
        if (at > 0) trips++;
        sum += at;
        requests += at > 0 ? at : most;
      }
      return { tripped: trips / runs, mean: trips === 0 ? Number.NaN : sum / trips, requests, trips };
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
