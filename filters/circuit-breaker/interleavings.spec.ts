// All interleavings of three workers on one circuit. A worker's step is one host call: it reads the
// shared value, or stores it by compare-and-set. Each worker has four: it reads and stores to be
// admitted, and reads and stores the result. Where a store comes too late, it reads again.

import { Circuit } from "./circuit";
import { Chance, CircuitPolicy } from "./circuit-policy";
import { ENTRY_SIZE, stateOf } from "./entry";
import { NO_PERMIT, Result, State, Verdict } from "./policy";
import { Consecutive } from "./trip/trip";

const WORKERS: i32 = 3;
const STEPS: i32 = 4;
const MS: u64 = 1_000_000;
const SLEPT: u64 = 1100 * MS;

class Never extends Chance {
  fraction(): f64 {
    return 0;
  }
}

/** The shared value with its version, as the host keeps it. */
class Cell {
  readonly bytes: StaticArray<u8> = new StaticArray<u8>(ENTRY_SIZE);
  version: u32 = 1;
}

enum Phase {
  ReadToPass,
  StoreToPass,
  ReadToSettle,
  StoreToSettle,
  Done,
}

/** What a worker does with its request once it has passed. */
enum Fate {
  Succeeds,
  Fails,
  /** Its VM traps: nothing more is heard of it. */
  Vanishes,
}

class Worker {
  readonly circuit: Circuit;
  readonly copy: StaticArray<u8> = new StaticArray<u8>(ENTRY_SIZE);
  phase: Phase = Phase.ReadToPass;
  seen: u32 = 0;
  permit: i32 = NO_PERMIT;
  epoch: u32 = 0;

  constructor(
    private readonly cell: Cell,
    policy: CircuitPolicy,
    private readonly fate: Fate,
    private readonly log: Log,
  ) {
    this.circuit = new Circuit(policy, new Never());
    this.circuit.entry = changetype<usize>(this.copy);
  }

  restart(): void {
    this.phase = Phase.ReadToPass;
  }

  step(): void {
    switch (this.phase) {
      case Phase.ReadToPass:
        this.read();
        this.circuit.admit(SLEPT);
        this.phase = Phase.StoreToPass;
        if (!this.circuit.isChanged) this.passed();
        break;
      case Phase.StoreToPass:
        if (this.store()) this.passed();
        else this.phase = Phase.ReadToPass;
        break;
      case Phase.ReadToSettle:
        this.read();
        this.circuit.settle(
          this.fate == Fate.Succeeds ? Result.Succeeded : Result.Failed,
          this.permit,
          this.epoch,
          SLEPT,
          SLEPT,
        );
        this.phase = this.circuit.isChanged ? Phase.StoreToSettle : Phase.Done;
        break;
      case Phase.StoreToSettle:
        this.phase = this.store() ? Phase.Done : Phase.ReadToSettle;
        break;
      default:
    }
  }

  private passed(): void {
    const circuit = this.circuit;
    if (circuit.verdict == Verdict.Refuse) {
      this.phase = Phase.Done;
      return;
    }
    this.permit = circuit.permit;
    this.epoch = circuit.epoch;
    if (circuit.verdict == Verdict.Probe) this.log.probe(circuit.epoch, circuit.permit);
    this.phase = this.fate == Fate.Vanishes ? Phase.Done : Phase.ReadToSettle;
  }

  private read(): void {
    memory.copy(changetype<usize>(this.copy), changetype<usize>(this.cell.bytes), ENTRY_SIZE);
    this.seen = this.cell.version;
  }

  private store(): bool {
    if (this.cell.version != this.seen) return false;
    memory.copy(changetype<usize>(this.cell.bytes), changetype<usize>(this.copy), ENTRY_SIZE);
    this.cell.version++;
    return true;
  }
}

/** Which probes were admitted. */
class Log {
  readonly epochs: Array<u32> = [];
  readonly permits: Array<i32> = [];
  isTwice: bool = false;

  clear(): void {
    this.epochs.length = 0;
    this.permits.length = 0;
  }

  probe(epoch: u32, permit: i32): void {
    for (let i = 0; i < this.epochs.length; i++) {
      if (this.epochs[i] == epoch && this.permits[i] == permit) this.isTwice = true;
    }
    this.epochs.push(epoch);
    this.permits.push(permit);
  }

  /** The most probes of one epoch. */
  most(): i32 {
    let most = 0;
    for (let i = 0; i < this.epochs.length; i++) {
      let same = 0;
      for (let j = 0; j < this.epochs.length; j++) if (this.epochs[j] == this.epochs[i]) same++;
      most = max(most, same);
    }
    return most;
  }
}

class Explorer {
  schedules: i32 = 0;
  mostProbes: i32 = 0;
  fewestProbes: i32 = i32.MAX_VALUE;
  stuck: i32 = 0;
  private readonly cell: Cell = new Cell();
  readonly log: Log = new Log();
  private readonly workers: Array<Worker> = [];
  private readonly slept: StaticArray<u8> = new StaticArray<u8>(ENTRY_SIZE);
  private readonly order: StaticArray<i32> = new StaticArray<i32>(WORKERS * STEPS);

  constructor(
    private readonly probes: i32,
    fates: StaticArray<Fate>,
  ) {
    const policy = new CircuitPolicy(new Consecutive(1), 100 * MS, 300 * MS, 0, probes, 50 * MS, 0);
    for (let i = 0; i < WORKERS; i++) this.workers.push(new Worker(this.cell, policy, fates[i], this.log));
    const circuit = new Circuit(policy, new Never());
    circuit.entry = changetype<usize>(this.slept);
    circuit.settle(Result.Failed, NO_PERMIT, 0, 1000 * MS, 1000 * MS);
  }

  explore(): void {
    this.extend(0, STEPS, STEPS, STEPS);
  }

  private extend(depth: i32, a: i32, b: i32, c: i32): void {
    if (a + b + c == 0) {
      this.run();
      return;
    }
    if (a > 0) this.choose(depth, 0, a - 1, b, c);
    if (b > 0) this.choose(depth, 1, a, b - 1, c);
    if (c > 0) this.choose(depth, 2, a, b, c - 1);
  }

  private choose(depth: i32, worker: i32, a: i32, b: i32, c: i32): void {
    this.order[depth] = worker;
    this.extend(depth + 1, a, b, c);
  }

  private run(): void {
    this.schedules++;
    memory.copy(changetype<usize>(this.cell.bytes), changetype<usize>(this.slept), ENTRY_SIZE);
    this.log.clear();
    for (let i = 0; i < WORKERS; i++) this.workers[i].restart();
    for (let i = 0; i < this.order.length; i++) this.workers[this.order[i]].step();
    // Workers that came too late somewhere have steps left.
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < WORKERS; i++) this.workers[i].step();
    }
    for (let i = 0; i < WORKERS; i++) if (this.workers[i].phase != Phase.Done) this.stuck++;
    this.mostProbes = max(this.mostProbes, this.log.most());
    this.fewestProbes = min(this.fewestProbes, this.log.most());
    if (!this.ends()) this.stuck++;
  }

  /** Whether the circuit lets a request through again, at the latest when all leases have ended. */
  private ends(): bool {
    const circuit = this.workers[0].circuit;
    memory.copy(circuit.entry, changetype<usize>(this.cell.bytes), ENTRY_SIZE);
    circuit.admit(SLEPT + 50 * MS);
    if (circuit.verdict == Verdict.Refuse) circuit.admit(SLEPT + 350 * MS);
    return circuit.verdict != Verdict.Refuse && stateOf(circuit.entry) != State.Open;
  }
}

const FATES: StaticArray<Fate> = [Fate.Succeeds, Fate.Fails, Fate.Vanishes];

describe("three workers by four steps", () => {
  it("never admit more than the probes of an epoch, and never get stuck, in any order", () => {
    for (let probes = 1; probes <= 3; probes++) {
      // In all orders, it does not matter which worker has which fate.
      for (let i = 0; i < 3; i++) {
        for (let j = i; j < 3; j++) {
          for (let k = j; k < 3; k++) {
            const explorer = new Explorer(probes, [FATES[i], FATES[j], FATES[k]]);
            explorer.explore();
            expect(explorer.schedules).toBe(34_650);
            expect(explorer.mostProbes <= probes).toBe(true);
            expect(explorer.fewestProbes >= 1).toBe(true);
            expect(explorer.log.isTwice).toBe(false);
            expect(explorer.stuck).toBe(0);
          }
        }
      }
    }
  });

  it("admit exactly the probes when nobody answers before all have asked", () => {
    for (let probes = 1; probes <= 3; probes++) {
      const explorer = new Explorer(probes, [Fate.Vanishes, Fate.Vanishes, Fate.Vanishes]);
      explorer.explore();
      expect(explorer.mostProbes).toBe(probes);
      expect(explorer.fewestProbes).toBe(probes);
    }
  });
});
