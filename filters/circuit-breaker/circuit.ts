// One circuit: what it says of a request, and what a result does to it. It works on the bytes of
// one entry, and makes no host call. The caller stores the entry by compare-and-set, so each of
// these steps happens at one moment, over all workers.
//
// Each change of the state begins a new epoch. A probe knows the epoch and the number of its
// permit, and its result counts only while both are out. Any other request knows when it was let
// through: its result counts only if the circuit is closed, and was closed all the time since.

import { Chance, CircuitPolicy, nextLevel } from "./circuit-policy";
import {
  AREA,
  EPOCH,
  FLAGS,
  isDisturbed,
  KIND,
  LEARNED,
  LEVEL,
  noteWritten,
  RETURNED,
  SINCE,
  STATE,
  stateOf,
  UNTIL,
} from "./entry";
import { Conclusion, LAST_MOMENT_MS, Permits } from "./permits";
import { NO_PERMIT, Result, State, Transition, Verdict } from "./policy";
import { BOOKS_SIZE, Tally } from "./trip/trip";

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/**
 * The circuit of the entry at `entry`, which the caller sets. Each step says in the fields below
 * what it did.
 */
@final
export class Circuit {
  entry: usize = 0;
  verdict: Verdict = Verdict.Pass;
  /** The permit of a probe, and its epoch. */
  permit: i32 = NO_PERMIT;
  epoch: u32 = 0;
  /** How long a refused request should wait, in nanoseconds. */
  wait: u64 = 0;
  transition: Transition = Transition.None;
  /** Whether the entry has changed and must be stored. */
  isChanged: bool = false;
  private readonly permits: Permits;

  constructor(
    private readonly policy: CircuitPolicy,
    private readonly chance: Chance,
  ) {
    this.permits = new Permits(policy.probes);
  }

  /** Whether a request may pass. */
  admit(now: u64): void {
    this.begin();
    this.verdict = Verdict.Pass;
    this.permit = NO_PERMIT;
    this.wait = 0;
    if (stateOf(this.entry) == State.HalfOpen) this.conclude(now);
    switch (stateOf(this.entry)) {
      case State.Closed:
        this.ramp(now);
        break;
      case State.Open:
        if (this.isAsleep(now)) break;
        this.probe(now);
        this.issue(now);
        break;
      default:
        this.issue(now);
    }
    if (this.isChanged) this.finish(now);
  }

  /**
   * Takes the result of a request.
   * @param permit its permit, or `NO_PERMIT`
   * @param epoch of the permit
   * @param began when the request was let through
   */
  settle(result: Result, permit: i32, epoch: u32, began: u64, now: u64): void {
    this.begin();
    if (permit == NO_PERMIT) this.count(result, began, now);
    else if (stateOf(this.entry) == State.HalfOpen && load<u32>(this.entry, EPOCH) == epoch) {
      this.end(result, permit, now);
    }
    if (this.isChanged) this.finish(now);
  }

  private begin(): void {
    this.transition = Transition.None;
    this.isChanged = false;
  }

  private finish(now: u64): void {
    noteWritten(this.entry, now, !this.isAtRest(now));
  }

  /** Whether the circuit lets everything through, and holds nothing against the upstream. */
  private isAtRest(now: u64): bool {
    if (stateOf(this.entry) != State.Closed || this.isRamping(now)) return false;
    return (
      load<u8>(this.entry, KIND) != this.policy.trip.kind || this.policy.trip.isAtRest(this.entry + AREA)
    );
  }

  // A closed circuit.

  private isRamping(now: u64): bool {
    return (load<u8>(this.entry, FLAGS) & RETURNED) != 0 && this.age(now) < this.policy.ramp;
  }

  private ramp(now: u64): void {
    if (!this.isRamping(now)) return;
    const age = this.age(now);
    if (this.chance.fraction() * <f64>this.policy.ramp < <f64>age) return;
    this.verdict = Verdict.Refuse;
    this.wait = this.policy.ramp - age;
  }

  private count(result: Result, began: u64, now: u64): void {
    const entry = this.entry;
    if (stateOf(entry) != State.Closed || began < load<u64>(entry, SINCE)) return;
    if (result != Result.Succeeded && result != Result.Failed) return;
    const trip = this.policy.trip;
    const hadBooks = load<u8>(entry, KIND) == trip.kind;
    if (!hadBooks) memory.fill(entry + AREA, 0, BOOKS_SIZE);
    store<u8>(entry, trip.kind, KIND);
    const tally = trip.count(entry + AREA, entry + LEARNED, result == Result.Failed, now);
    if (tally == Tally.Tripped) this.trip(now);
    // The entry of a circuit that has come to rest says so, even if its books are as they were.
    const comesToRest = isDisturbed(entry) && this.isAtRest(now);
    this.isChanged = tally != Tally.Unchanged || comesToRest;
  }

  private trip(now: u64): void {
    const level = load<u8>(this.entry, LEVEL);
    const returned = (load<u8>(this.entry, FLAGS) & RETURNED) != 0;
    const isRelapse = returned && this.age(now) < this.policy.sleepAt(level);
    this.open(now, isRelapse ? nextLevel(level) : 0, Transition.Tripped);
  }

  // An open circuit.

  private open(now: u64, level: u8, reason: Transition): void {
    const policy = this.policy;
    const prolonged = <f64>policy.sleepAt(level) * (1 + policy.jitter * this.chance.fraction());
    this.enter(State.Open, now, reason);
    store<u8>(this.entry, level, LEVEL);
    store<u64>(this.entry, now + min<u64>(<u64>prolonged, policy.maxSleep), UNTIL);
  }

  /** Whether the sleep lasts on. */
  private isAsleep(now: u64): bool {
    const until = load<u64>(this.entry, UNTIL);
    if (now >= until) return false;
    // Its end can be too far away if the settings have changed since.
    const left = min(until - now, this.policy.maxSleep);
    if (now + left < until) {
      store<u64>(this.entry, now + left, UNTIL);
      this.isChanged = true;
    }
    this.refuse(left);
    return true;
  }

  // A half-open circuit.

  private probe(now: u64): void {
    this.enter(State.HalfOpen, now, Transition.Slept);
  }

  private issue(now: u64): void {
    const moment = this.moment(now);
    // So long after the epoch's begin no lease fits: a new one begins.
    if (moment + this.policy.lease / NANOSECONDS_PER_MILLISECOND >= LAST_MOMENT_MS) {
      this.probe(now);
      this.issue(now);
      return;
    }
    const expiry = moment + this.policy.lease / NANOSECONDS_PER_MILLISECOND;
    const permit = this.permits.issue(this.entry + AREA, expiry);
    if (permit == NO_PERMIT) {
      const left = this.permits.firstExpiry(this.entry + AREA) - moment;
      this.refuse(min(left * NANOSECONDS_PER_MILLISECOND, this.policy.sleep));
      return;
    }
    this.verdict = Verdict.Probe;
    this.permit = permit;
    this.epoch = load<u32>(this.entry, EPOCH);
    this.isChanged = true;
  }

  private end(result: Result, permit: i32, now: u64): void {
    const words = this.entry + AREA;
    if (!this.permits.isOut(words, permit)) return;
    this.conclude(now);
    if (stateOf(this.entry) != State.HalfOpen || !this.permits.isOut(words, permit)) return;
    this.isChanged = true;
    switch (result) {
      case Result.Failed:
        this.open(now, nextLevel(load<u8>(this.entry, LEVEL)), Transition.ProbeFailed);
        return;
      case Result.Answered:
        this.permits.answer(words, permit);
        return;
      default:
        this.permits.settle(words, permit, result == Result.Succeeded);
        this.conclude(now);
    }
  }

  /** Ends the epoch if its permits say how. */
  private conclude(now: u64): void {
    const before = this.permits.firstExpiry(this.entry + AREA);
    switch (this.permits.conclude(this.entry + AREA, this.moment(now))) {
      case Conclusion.Expired:
        this.open(now, nextLevel(load<u8>(this.entry, LEVEL)), Transition.LeaseExpired);
        break;
      case Conclusion.Succeeded:
        this.enter(State.Closed, now, Transition.ProbesSucceeded);
        store<u8>(this.entry, RETURNED, FLAGS);
        break;
      case Conclusion.Unknown:
        // The next request is the first probe of a new epoch.
        this.enter(State.Open, now, Transition.ProbesUnknown);
        store<u64>(this.entry, now, UNTIL);
        break;
      default:
        if (this.permits.firstExpiry(this.entry + AREA) != before) this.isChanged = true;
    }
  }

  // What all states have.

  private enter(state: State, now: u64, reason: Transition): void {
    const entry = this.entry;
    store<u32>(entry, load<u32>(entry, EPOCH) + 1, EPOCH);
    store<u8>(entry, <u8>state, STATE);
    store<u64>(entry, now, SINCE);
    store<u8>(entry, 0, FLAGS);
    store<u8>(entry, 0, KIND);
    memory.fill(entry + AREA, 0, BOOKS_SIZE);
    this.transition = reason;
    this.isChanged = true;
  }

  private refuse(wait: u64): void {
    this.verdict = Verdict.Refuse;
    this.wait = wait;
  }

  /** Nanoseconds since the state began; 0 if another worker has read its clock later. */
  private age(now: u64): u64 {
    const since = load<u64>(this.entry, SINCE);
    return now > since ? now - since : 0;
  }

  /** The same in milliseconds, as permits count. */
  private moment(now: u64): u64 {
    return this.age(now) / NANOSECONDS_PER_MILLISECOND;
  }
}
