// The bytes of one circuit, or of one throttle, in the table.

import { State } from "./policy";
import { BOOKS_SIZE, LEARNED_SIZE } from "./trip/trip";

/** When the state began, and when an open circuit ends its sleep, in nanoseconds. */
export const SINCE: usize = 8;
export const UNTIL: usize = 16;
/** When the entry was stored last. */
export const WRITTEN: usize = 24;
export const EPOCH: usize = 32;
export const STATE: usize = 36;
/** How often the sleep was doubled. */
export const LEVEL: usize = 37;
export const FLAGS: usize = 38;
/** The rule that wrote the books; 0 while there are none. */
export const KIND: usize = 39;
/** The books of a closed circuit, or the permits of a half-open one. */
export const AREA: usize = 40;
/** What the rule has learned, which stays in every state. */
export const LEARNED: usize = AREA + BOOKS_SIZE;
/** Bytes of a circuit's entry, whose first 8 are the key's tag. */
export const ENTRY_SIZE: i32 = <i32>LEARNED + LEARNED_SIZE;

/** Its probes have closed the circuit. */
export const RETURNED: u8 = 1;
/** The circuit was away from its resting state when it was stored. */
export const DISTURBED: u8 = 2;

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/**
 * Numbers the epochs of a new entry. They begin with the time, so that no probe of a circuit that
 * was forgotten since has the same number.
 */
export function beginEpochs(entry: usize, now: u64): void {
  store<u32>(entry, <u32>(now / NANOSECONDS_PER_MILLISECOND), EPOCH);
}

export function stateOf(entry: usize): State {
  return <State>load<u8>(entry, STATE);
}

export function isDisturbed(entry: usize): bool {
  return (load<u8>(entry, FLAGS) & DISTURBED) != 0;
}

/** When the entry was stored last. */
export function writtenAt(entry: usize): u64 {
  return load<u64>(entry, WRITTEN);
}

/** When an open circuit ends its sleep. */
export function asleepUntil(entry: usize): u64 {
  return load<u64>(entry, UNTIL);
}

/** Notes when the entry is stored, and whether it is away from its resting state. */
export function noteWritten(entry: usize, now: u64, isAway: bool): void {
  store<u64>(entry, now, WRITTEN);
  const flags = load<u8>(entry, FLAGS) & ~DISTURBED;
  store<u8>(entry, isAway ? flags | DISTURBED : flags, FLAGS);
}
