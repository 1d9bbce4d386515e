// One bucket of the table of circuits: four entries. A circuit that is closed, and against which
// nothing is held, needs no entry.

import { asleepUntil, beginEpochs, ENTRY_SIZE, isDisturbed, stateOf, writtenAt } from "./entry";
import { State } from "./policy";

const ENTRIES: i32 = 4;
export const BUCKET_SIZE: i32 = ENTRIES * ENTRY_SIZE;

/** There is no entry. */
export const NO_ENTRY: usize = 0;

/** The address of the key's entry, or `NO_ENTRY`. The tag is not 0. */
export function findEntry(bucket: usize, tag: u64): usize {
  for (let i = 0; i < ENTRIES; i++) {
    const entry = bucket + <usize>i * ENTRY_SIZE;
    if (load<u64>(entry) == tag) return entry;
  }
  return NO_ENTRY;
}

/**
 * The entry that another key may have: that of the circuit that is missed least: none, one at rest,
 * or one that has only little against it. Of equals, the one that was stored first. A circuit that
 * is open or half-open keeps its entry, unless nobody has asked for it for as long as it may sleep.
 * So no client can close a circuit by filling the table.
 * @returns its address; `NO_ENTRY` if all four are needed
 */
export function spareEntry(bucket: usize, now: u64, maxSleep: u64): usize {
  let least = NO_ENTRY;
  let leastWorth = Worth.Needed;
  for (let i = 0; i < ENTRIES; i++) {
    const entry = bucket + <usize>i * ENTRY_SIZE;
    const worth = worthOf(entry, now, maxSleep);
    if (worth == Worth.Needed || worth > leastWorth) continue;
    if (worth == leastWorth && writtenAt(entry) >= writtenAt(least)) continue;
    least = entry;
    leastWorth = worth;
  }
  return least;
}

/** Gives the entry to the key, as a circuit that is closed. */
export function takeEntry(entry: usize, tag: u64, now: u64): void {
  memory.fill(entry, 0, ENTRY_SIZE);
  store<u64>(entry, tag);
  beginEpochs(entry, now);
}

enum Worth {
  Free,
  AtRest,
  Abandoned,
  Disturbed,
  Needed,
}

function worthOf(entry: usize, now: u64, maxSleep: u64): Worth {
  if (load<u64>(entry) == 0) return Worth.Free;
  if (stateOf(entry) == State.Closed) return isDisturbed(entry) ? Worth.Disturbed : Worth.AtRest;
  const last = max(asleepUntil(entry), writtenAt(entry));
  return now > last && now - last > maxSleep ? Worth.Abandoned : Worth.Needed;
}
