// Times several things against each other in many short rounds, so that other work of the machine
// affects all of them alike. A round is the median of many batches, so that a pause for the garbage
// collector or for another process does not count.

import { quantile } from "./quantile.js";

/** Something to time. */
export interface Timed {
  readonly name: string;
  /** Runs this many streams. Returns the time of each phase, in milliseconds. */
  readonly runBatch: (streams: number) => readonly number[];
}

/** All times are nanoseconds per stream. */
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
  /** `total` of every round, in order. */
  readonly rounds: readonly number[];
}

/**
 * Streams of a batch: few enough to be young for the garbage collector, and enough for the clock.
 */
const BATCH = 100;
/** How many rounds run before the engine has compiled the code. */
const WARM_UP_ROUNDS = 5;
const NANOSECONDS_PER_MILLISECOND = 1e6;

/**
 * Times all of them, with this many batches a round. The order rotates from round to round. Ratios
 * are relative to the first.
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

/** Nanoseconds per stream in each phase, for the median batch. */
function timeRound({ runBatch }: Timed, batches: number): readonly number[] {
  const times = Array.from({ length: batches }, () => runBatch(BATCH));
  return (times[0] ?? []).map((_, phase) => {
    const ofPhase = times.map((phases) => phases[phase] ?? Number.NaN);
    return (quantile(ofPhase, 0.5) * NANOSECONDS_PER_MILLISECOND) / BATCH;
  });
}

/** The same timings, with their ratios to the first of them. */
export function against(timings: readonly Timing[]): readonly Timing[] {
  const base = timings[0]?.rounds ?? [];
  return timings.map((timing) => ({ ...timing, ...ratioOf(timing.rounds, base) }));
}

/** Turns rounds of phases into figures. Each round is compared with the same round of `base`. */
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
