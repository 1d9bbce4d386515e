// Loads each variant in turn, over many short rounds, and reads from the system how much CPU time
// Envoy's own process used.

import { readdirSync, readFileSync } from "node:fs";
import { MeshwrightError } from "../../envoy/errors.js";
import { type BedOptions, startBed } from "./bed.js";

export interface MeasureOptions extends BedOptions {
  /** The least number of rounds for each variant. */
  readonly rounds: number;
  /** The most rounds, if the figures do not settle before. */
  readonly maxRounds: number;
  /** Whether the figures so far are exact enough. */
  readonly settled: (measured: readonly Measured[]) => boolean;
  /** How long a round loads each variant, in milliseconds. */
  readonly roundMs: number;
  readonly onRound?: (round: number) => void;
}

/** What a request costs, in microseconds or instructions: one figure for each round, in order. */
export interface Measured {
  readonly name: string;
  /** As in `Variant`. */
  readonly over?: string;
  readonly perRequest: readonly number[];
}

/**
 * Measures all variants in one Envoy with one worker. The order rotates from round to round, so
 * that no variant always follows the same one.
 * @throws MeshwrightError `usage` when the system does not account for a process's time as Linux
 * does
 */
export async function measure(options: MeasureOptions): Promise<readonly Measured[]> {
  const { variants, rounds, maxRounds, roundMs } = options;
  await using bed = await startBed(options);
  const perRequest = variants.map((): number[] => []);
  const measured = () =>
    variants.map(({ name, over }, i) => ({
      name,
      ...(over === undefined ? {} : { over }),
      perRequest: perRequest[i] ?? [],
    }));
  for (let round = -1; round < rounds || (round < maxRounds && !options.settled(measured())); round++) {
    for (let k = 0; k < variants.length; k++) {
      const i = (k + Math.max(round, 0)) % variants.length;
      const before = cpuMicroseconds(bed.pid);
      const { responses } = await bed.load(i, { forMs: roundMs });
      // The first round warms up caches and the compiler, and does not count.
      if (round >= 0) perRequest[i]?.push((cpuMicroseconds(bed.pid) - before) / responses);
    }
    if (round >= 0) options.onRound?.(round + 1);
  }
  return measured();
}

/**
 * The time that the process's threads have run on a processor, in microseconds. The scheduler gives
 * it to the nanosecond.
 */
export function cpuMicroseconds(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const times = threads.map((id) =>
      Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[0]),
    );
    return times.reduce((sum, time) => sum + time, 0) / 1000;
  } catch (cause) {
    throw new MeshwrightError(
      "usage",
      "the benchmark reads /proc/PID/task/*/schedstat, which is not available here: run it on Linux",
      [],
      { cause },
    );
  }
}
