// The circuits of one rule, in shared data. Each is changed by compare-and-set alone.
//
// A gauge counts the circuits that are away from their resting state. It is an atomic number of
// Envoy's, and much cheaper to read than shared data. It rises before such a circuit is stored, and
// falls after it has come to rest. So while it is 0, no circuit refuses anything, and a success
// changes nothing.

import { Bytes, getMetric, incrementMetric, monotonicNanoseconds, Status, sharedKey } from "../../assembly";
import { Kept, SharedTable, tagOf } from "../../assembly/rules";
import { BUCKET_SIZE, findEntry, NO_ENTRY, spareEntry, takeEntry } from "./bucket";
import { Circuit } from "./circuit";
import { Chance, CircuitPolicy } from "./circuit-policy";
import { isDisturbed, stateOf } from "./entry";
import { counter, Gate, gauge, Permit } from "./gate";
import { NO_PERMIT, Result, State, TRANSITION_WORDS, Transition, Verdict } from "./policy";

/** Layout of a bucket and of its entries: raise it with any change of what `circuit.ts` writes. */
const LAYOUT: u32 = 2;
/** Each attempt fails only because another worker's has succeeded. */
const ATTEMPTS: i32 = 1000;

@final
export class Circuits extends Gate {
  private readonly table: SharedTable;
  private readonly circuit: Circuit;
  private readonly disturbed: u32;
  private readonly untracked: u32;
  /** By `State`; none for the circuits that are closed. */
  private readonly states: StaticArray<u32>;
  private readonly transitions: StaticArray<u32>;
  /** The entry as it was read. */
  private wasDisturbed: bool = false;
  private stateBefore: State = State.Closed;

  /**
   * Make it once the configuration is accepted: it defines metrics.
   * @param names circuits with the same names are the same
   */
  constructor(
    names: StaticArray<Bytes>,
    rule: string,
    keys: u32,
    private readonly policy: CircuitPolicy,
    chance: Chance,
  ) {
    super();
    this.table = new SharedTable(
      "cb",
      sharedKey("circuit-breaker", "table", LAYOUT, names),
      keys,
      BUCKET_SIZE,
      Kept.Busy,
    );
    this.circuit = new Circuit(policy, chance);
    this.disturbed = gauge("disturbed", ["rule", rule]);
    this.untracked = gauge("untracked", ["rule", rule]);
    this.states = [
      0,
      gauge("circuits", ["rule", rule, "state", "open"]),
      gauge("circuits", ["rule", rule, "state", "half-open"]),
    ];
    this.transitions = new StaticArray<u32>(TRANSITION_WORDS.length);
    for (let i = 0; i < TRANSITION_WORDS.length; i++) {
      const labels: StaticArray<string> = [
        "rule",
        rule,
        "to",
        TRANSITION_WORDS[i][0],
        "reason",
        TRANSITION_WORDS[i][1],
      ];
      this.transitions[i] = counter("transitions_total", labels);
    }
  }

  /**
   * One host call while all circuits of the rule are at
   * rest, else two, and two more to change the circuit.
   */
  admit(permit: Permit): Verdict {
    permit.number = NO_PERMIT;
    if (this.areAllAtRest()) return Verdict.Pass;
    let now = permit.began;
    for (let i = 0; i < ATTEMPTS; i++) {
      this.table.open(permit.hash);
      const entry = this.find(permit.hash);
      if (entry == NO_ENTRY) return Verdict.Pass;
      const circuit = this.circuit;
      circuit.entry = entry;
      circuit.admit(now);
      const status = circuit.isChanged ? this.store() : Status.Ok;
      if (status == Status.Ok) {
        permit.number = circuit.permit;
        permit.epoch = circuit.epoch;
        this.wait = max<u64>(1, circuit.wait);
        return circuit.verdict;
      }
      if (status != Status.CasMismatch) break;
      now = monotonicNanoseconds();
    }
    this.wait = 0;
    return Verdict.Refuse;
  }

  /**
   * One host call for a success while all circuits are at rest, else
   * two or more. A worker that knows what it has written last makes one call less.
   */
  settle(permit: Permit, result: Result): void {
    if (permit.number == NO_PERMIT) {
      if (result != Result.Succeeded && result != Result.Failed) return;
      const isIdle = result == Result.Succeeded && this.policy.trip.ignoresSuccessAtRest;
      if (isIdle && this.areAllAtRest()) return;
    }
    for (let i = 0; i < ATTEMPTS; i++) {
      const now = monotonicNanoseconds();
      this.table.openToWrite(permit.hash);
      if (!this.tells(permit, result, now)) {
        if (!this.table.isKept) return;
        this.table.open(permit.hash);
        if (!this.tells(permit, result, now)) return;
      }
      if (this.store() != Status.CasMismatch) return;
    }
  }

  private areAllAtRest(): bool {
    return getMetric(this.disturbed, 1) == 0;
  }

  /** Whether the result changes the circuit of the open bucket; then only `store` is left to do. */
  private tells(permit: Permit, result: Result, now: u64): bool {
    const circuit = this.circuit;
    circuit.entry = this.find(permit.hash);
    if (circuit.entry == NO_ENTRY && (this.table.isKept || !this.make(permit, result, now))) return false;
    circuit.settle(result, permit.number, permit.epoch, permit.began, now);
    return circuit.isChanged;
  }

  /** The key's entry in the open bucket. */
  private find(hash: u64): usize {
    const entry = findEntry(this.table.bucket, tagOf(hash));
    if (entry != NO_ENTRY) this.remember(entry);
    return entry;
  }

  /** Makes an entry for a circuit that has none; false if there need or can be none. */
  private make(permit: Permit, result: Result, now: u64): bool {
    if (permit.number != NO_PERMIT) return false;
    if (result == Result.Succeeded && this.policy.trip.ignoresSuccessAtRest) return false;
    const entry = spareEntry(this.table.bucket, now, this.policy.maxSleep);
    if (entry == NO_ENTRY) {
      incrementMetric(this.untracked, 1);
      return false;
    }
    this.remember(entry);
    takeEntry(entry, tagOf(permit.hash), now);
    this.circuit.entry = entry;
    return true;
  }

  private remember(entry: usize): void {
    this.wasDisturbed = isDisturbed(entry);
    this.stateBefore = stateOf(entry);
  }

  /** Stores the circuit, and counts what has changed. */
  private store(): Status {
    const circuit = this.circuit;
    const isAway = isDisturbed(circuit.entry);
    const state = stateOf(circuit.entry);
    const transition = circuit.transition;
    if (isAway && !this.wasDisturbed) incrementMetric(this.disturbed, 1);
    const status = this.table.close();
    const isStored = status == Status.Ok;
    const fell = isStored ? this.wasDisturbed && !isAway : isAway && !this.wasDisturbed;
    if (fell) incrementMetric(this.disturbed, -1);
    if (!isStored) return status;
    if (state != this.stateBefore) {
      if (this.stateBefore != State.Closed) incrementMetric(unchecked(this.states[this.stateBefore]), -1);
      if (state != State.Closed) incrementMetric(unchecked(this.states[state]), 1);
    }
    if (transition != Transition.None) incrementMetric(unchecked(this.transitions[transition]), 1);
    return status;
  }
}
