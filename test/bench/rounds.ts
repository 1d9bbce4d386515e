// Times several things against each other in many short rounds, so that what the machine does
// meanwhile falls on all of them alike. A round is the median of many batches: a pause for the
// collector, or for another process, falls out of it.

import { quantile } from "./quantile.js";

/** Something to time. */
export interface Timed {
  readonly name: string;
  /** Runs so many streams; returns the time that each phase took, in milliseconds. */
  readonly runBatch: (streams: number) => readonly number[];
}

/** Nanoseconds per stream. */
export interface Timing {
  readonly name: string;
  /** Median of each phase. */
  readonly phases: readonly number[];
  /** Median of all phases together. */
  readonly total: number;
  /** Half the distance between the quartiles of `ratio` over the rounds. */
  readonly spread: number;
  /** Median over the rounds: `total` as a multiple of the first one's in the same round. */
  readonly ratio: number;
  /** `total` of every round, in their order. */
  readonly rounds: readonly number[];
}

/** Streams of a batch: few enough to be young for the collector, and enough for the clock. */
const BATCH = 100;
/** Rounds before the engine has compiled what they run. */
const WARM_UP_ROUNDS = 5;
const NANOSECONDS_PER_MILLISECOND = 1e6;

/**
 * Times all of them, so many batches a round; the order turns from round to round. The first is the
 * one that ratios are against.
 */
export function timeRounds(timed: readonly Timed[], rounds: number, batches: number): readonly Timing[] {
  const measured = timed.map((): (readonly number[])[] => []);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (let i = 0; i < timed.length; i++) {
      const at = (i + round + WARM_UP_ROUNDS) % timed.length;
      const phases = timeRound(timed[at] as Timed, batches);
      if (round >= 0) measured[at]?.push(phases);
    }
  }
  return timed.map(({ name }, i) => timingOf(name, measured[i] ?? [], measured[0] ?? []));
}

/** Nanoseconds per stream in each phase, of the median batch. */
function timeRound({ runBatch }: Timed, batches: number): readonly number[] {
  const times = Array.from({ length: batches }, () => runBatch(BATCH));
  return (times[0] ?? []).map((_, phase) => {
    const ofPhase = times.map((phases) => phases[phase] ?? Number.NaN);
    return (quantile(ofPhase, 0.5) * NANOSECONDS_PER_MILLISECOND) / BATCH;
  });
}

/** The same timings with their ratios against the first of them. */
export function against(timings: readonly Timing[]): readonly Timing[] {
  const base = timings[0]?.rounds ?? [];
  return timings.map((timing) => ({ ...timing, ...ratioOf(timing.rounds, base) }));
}

/** Rounds of phases to figures, each round held against the same round of `base`. */
export function timingOf(
  name: string,
  rounds: readonly (readonly number[])[],
  base: readonly (readonly number[])[],
): Timing {
  const totals = rounds.map(sum);
  const phases = (rounds[0] ?? []).map((_, phase) =>
    quantile(
      rounds.map((round) => round[phase] ?? Number.NaN),
      0.5,
    ),
  );
  return { name, phases, total: quantile(totals, 0.5), ...ratioOf(totals, base.map(sum)), rounds: totals };
}

function ratioOf(rounds: readonly number[], base: readonly number[]): { ratio: number; spread: number } {
  const ratios = rounds.map((total, i) => total / (base[i] ?? Number.NaN));
  return { ratio: quantile(ratios, 0.5), spread: (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 2 };
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
