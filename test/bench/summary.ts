// Turns rounds into figures that can be compared. Pure.

import type { Measured } from "./measure.js";
import { quantile } from "./quantile.js";

export interface Figure {
  readonly name: string;
  /**
   * Median over the rounds: what a request costs beyond one with no filter in the same place and
   * round, in microseconds or instructions.
   */
  readonly over: number;
  /** Half the distance between the quartiles: how much a repetition may differ. */
  readonly spread: number;
  /** `over` as a multiple of the yardstick's. */
  readonly ratio: number;
}

export interface Summary {
  /** What a request without a filter costs, median. */
  readonly base: number;
  readonly figures: readonly Figure[];
  /** How many rounds the figures cover. */
  readonly rounds: number;
}

/**
 * The figures for all variants except `base`. Each round is compared with the same round of the
 * variant that it names, or of `base` if it names none.
 */
export function summarise(measured: readonly Measured[], base: string, yardstick: string): Summary {
  const roundsOf = (name: string) => measured.find((each) => each.name === name)?.perRequest ?? [];
  const baseRounds = roundsOf(base);
  const overs = new Map(
    measured.map(({ name, over, perRequest }) => {
      const below = over === undefined ? baseRounds : roundsOf(over);
      return [name, perRequest.map((time, i) => time - (below[i] ?? Number.NaN))];
    }),
  );
  const unit = quantile(overs.get(yardstick) ?? [], 0.5);
  const figures = measured
    .filter(({ name }) => name !== base)
    .map(({ name }) => {
      const rounds = overs.get(name) ?? [];
      const over = quantile(rounds, 0.5);
      const spread = (quantile(rounds, 0.75) - quantile(rounds, 0.25)) / 2;
      return { name, over, spread, ratio: over / unit };
    });
  return { base: quantile(baseRounds, 0.5), figures, rounds: baseRounds.length };
}

/**
 * The difference between two measurements of the same variant, as a part of the first. A smaller
 * difference between two variants means nothing.
 * @param name the variant that was measured twice
 * @param again the name of its second measurement
 */
export function repeatability({ figures }: Summary, name: string, again: string): number {
  const over = (wanted: string) => figures.find((figure) => figure.name === wanted)?.over ?? Number.NaN;
  return Math.abs(over(again) - over(name)) / over(name);
}
