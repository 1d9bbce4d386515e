import { Circuit } from "./circuit";
import { Chance, CircuitPolicy } from "./circuit-policy";
import { ENTRY_SIZE, isDisturbed, stateOf } from "./entry";
import { NO_PERMIT, Result, State, Transition, Verdict } from "./policy";
import { Consecutive } from "./trip/trip";

const entry = memory.data(128, 8);
const MS: u64 = 1_000_000;

class Fixed extends Chance {
  value: f64 = 0;
  fraction(): f64 {
    return this.value;
  }
}

const chance = new Fixed();

/** Trips at two failures; sleeps 100 ms, then 200 and 300; leases of 50 ms. */
function circuitOf(probes: i32 = 1, ramp: u64 = 0, jitter: f64 = 0): Circuit {
  memory.fill(entry, 0, ENTRY_SIZE);
  const policy = new CircuitPolicy(
    new Consecutive(2),
    100 * MS,
    300 * MS,
    jitter,
    probes,
    50 * MS,
    ramp * MS,
  );
  const circuit = new Circuit(policy, chance);
  circuit.entry = entry;
  return circuit;
}

function admit(circuit: Circuit, ms: u64): Verdict {
  circuit.admit(ms * MS);
  return circuit.verdict;
}

/** A request that passed at `began` ends at `ms`. */
function end(circuit: Circuit, result: Result, ms: u64, began: u64 = ms): void {
  circuit.settle(result, NO_PERMIT, 0, began * MS, ms * MS);
}

/** The probe that was admitted last ends. */
function endProbe(circuit: Circuit, result: Result, ms: u64): void {
  circuit.settle(result, circuit.permit, circuit.epoch, 0, ms * MS);
}

function trip(circuit: Circuit, ms: u64): void {
  end(circuit, Result.Failed, ms);
  end(circuit, Result.Failed, ms);
}

describe("a circuit", () => {
  it("opens, sleeps, lets one probe through, and closes", () => {
    const circuit = circuitOf();
    expect(admit(circuit, 1000)).toBe(Verdict.Pass);
    expect(circuit.isChanged).toBe(false);
    trip(circuit, 1000);
    expect(circuit.transition).toBe(Transition.Tripped);
    expect(isDisturbed(entry)).toBe(true);
    expect(admit(circuit, 1000)).toBe(Verdict.Refuse);
    expect(circuit.wait).toBe(100 * MS);
    expect(admit(circuit, 1099)).toBe(Verdict.Refuse);
    expect(circuit.isChanged).toBe(false);
    expect(admit(circuit, 1100)).toBe(Verdict.Probe);
    expect(circuit.transition).toBe(Transition.Slept);
    const probe = circuit.permit;
    const epoch = circuit.epoch;
    expect(admit(circuit, 1101)).toBe(Verdict.Refuse);
    expect(circuit.wait).toBe(49 * MS);
    circuit.settle(Result.Succeeded, probe, epoch, 0, 1110 * MS);
    expect(circuit.transition).toBe(Transition.ProbesSucceeded);
    expect(stateOf(entry)).toBe(State.Closed);
    expect(isDisturbed(entry)).toBe(false);
    expect(admit(circuit, 1110)).toBe(Verdict.Pass);
  });

  it("doubles its sleep after each failed probe, up to the most", () => {
    const circuit = circuitOf();
    trip(circuit, 1000);
    let now: u64 = 1000;
    const sleeps: u64[] = [100, 200, 300, 300, 300];
    for (let i = 0; i < sleeps.length; i++) {
      expect(admit(circuit, now + sleeps[i] - 1)).toBe(Verdict.Refuse);
      now += sleeps[i];
      expect(admit(circuit, now)).toBe(Verdict.Probe);
      endProbe(circuit, Result.Failed, now);
      expect(circuit.transition).toBe(Transition.ProbeFailed);
    }
  });

  it("sleeps longer too if it trips again soon after it closed, and not much later", () => {
    const circuit = circuitOf();
    trip(circuit, 1000);
    admit(circuit, 1100);
    endProbe(circuit, Result.Succeeded, 1100);
    trip(circuit, 1150);
    expect(admit(circuit, 1349)).toBe(Verdict.Refuse);
    expect(admit(circuit, 1350)).toBe(Verdict.Probe);
    endProbe(circuit, Result.Succeeded, 1350);
    trip(circuit, 1560);
    expect(admit(circuit, 1659)).toBe(Verdict.Refuse);
    expect(admit(circuit, 1660)).toBe(Verdict.Probe);
  });

  it("sleeps longer by chance, never longer than the most", () => {
    const circuit = circuitOf(1, 0, 0.5);
    chance.value = 0.5;
    trip(circuit, 1000);
    expect(admit(circuit, 1124)).toBe(Verdict.Refuse);
    expect(admit(circuit, 1125)).toBe(Verdict.Probe);
    endProbe(circuit, Result.Failed, 1125);
    expect(admit(circuit, 1374)).toBe(Verdict.Refuse);
    expect(admit(circuit, 1375)).toBe(Verdict.Probe);
    endProbe(circuit, Result.Failed, 1375);
    expect(admit(circuit, 1675)).toBe(Verdict.Probe);
    chance.value = 0;
  });

  it("lets exactly its probes through in an epoch, and closes when all have succeeded", () => {
    const circuit = circuitOf(3);
    trip(circuit, 1000);
    for (let i = 0; i < 3; i++) {
      expect(admit(circuit, 1100)).toBe(Verdict.Probe);
      expect(circuit.permit).toBe(i);
    }
    for (let i = 0; i < 10; i++) expect(admit(circuit, 1100)).toBe(Verdict.Refuse);
    const epoch = circuit.epoch;
    circuit.settle(Result.Succeeded, 0, epoch, 0, 1101 * MS);
    circuit.settle(Result.Succeeded, 2, epoch, 0, 1101 * MS);
    expect(stateOf(entry)).toBe(State.HalfOpen);
    expect(admit(circuit, 1102)).toBe(Verdict.Refuse);
    circuit.settle(Result.Succeeded, 1, epoch, 0, 1102 * MS);
    expect(stateOf(entry)).toBe(State.Closed);
  });

  it("counts a probe's result once, and not in another epoch", () => {
    const circuit = circuitOf(2);
    trip(circuit, 1000);
    admit(circuit, 1100);
    const first = circuit.epoch;
    circuit.settle(Result.Succeeded, 0, first, 0, 1101 * MS);
    circuit.settle(Result.Succeeded, 0, first, 0, 1101 * MS);
    expect(circuit.isChanged).toBe(false);
    expect(stateOf(entry)).toBe(State.HalfOpen);
    admit(circuit, 1102);
    circuit.settle(Result.Failed, 1, first, 0, 1103 * MS);
    expect(admit(circuit, 1303)).toBe(Verdict.Probe);
    circuit.settle(Result.Failed, 0, first, 0, 1304 * MS);
    expect(circuit.isChanged).toBe(false);
    expect(stateOf(entry)).toBe(State.HalfOpen);
  });

  it("opens again when a lease ends without a response, and hears the late result no more", () => {
    const circuit = circuitOf();
    trip(circuit, 1000);
    admit(circuit, 1100);
    const epoch = circuit.epoch;
    expect(admit(circuit, 1149)).toBe(Verdict.Refuse);
    expect(circuit.transition).toBe(Transition.None);
    expect(admit(circuit, 1150)).toBe(Verdict.Refuse);
    expect(circuit.transition).toBe(Transition.LeaseExpired);
    circuit.settle(Result.Succeeded, 0, epoch, 0, 1151 * MS);
    expect(circuit.isChanged).toBe(false);
    expect(admit(circuit, 1350)).toBe(Verdict.Probe);
  });

  it("takes a result that comes after the lease for none", () => {
    const circuit = circuitOf();
    trip(circuit, 1000);
    admit(circuit, 1100);
    endProbe(circuit, Result.Succeeded, 1150);
    expect(circuit.transition).toBe(Transition.LeaseExpired);
    expect(stateOf(entry)).toBe(State.Open);
  });

  it("takes a response that has begun for a success when the lease ends", () => {
    const circuit = circuitOf();
    trip(circuit, 1000);
    admit(circuit, 1100);
    endProbe(circuit, Result.Answered, 1120);
    expect(stateOf(entry)).toBe(State.HalfOpen);
    expect(admit(circuit, 1149)).toBe(Verdict.Refuse);
    expect(admit(circuit, 1150)).toBe(Verdict.Pass);
    expect(circuit.transition).toBe(Transition.ProbesSucceeded);
  });

  it("opens again when a response that has begun breaks off", () => {
    const circuit = circuitOf();
    trip(circuit, 1000);
    admit(circuit, 1100);
    endProbe(circuit, Result.Answered, 1120);
    endProbe(circuit, Result.Failed, 1121);
    expect(circuit.transition).toBe(Transition.ProbeFailed);
  });

  it("tries anew when all probes went away, and closes when one of them is known to have succeeded", () => {
    const circuit = circuitOf(2);
    trip(circuit, 1000);
    admit(circuit, 1100);
    admit(circuit, 1100);
    const first = circuit.epoch;
    circuit.settle(Result.Unknown, 0, first, 0, 1101 * MS);
    circuit.settle(Result.Unknown, 1, first, 0, 1101 * MS);
    expect(circuit.transition).toBe(Transition.ProbesUnknown);
    expect(admit(circuit, 1101)).toBe(Verdict.Probe);
    expect(circuit.epoch).not.toBe(first);
    admit(circuit, 1101);
    circuit.settle(Result.Succeeded, 0, circuit.epoch, 0, 1102 * MS);
    circuit.settle(Result.Unknown, 1, circuit.epoch, 0, 1102 * MS);
    expect(circuit.transition).toBe(Transition.ProbesSucceeded);
  });

  it("counts no result of a request that passed before the circuit closed", () => {
    const circuit = circuitOf();
    trip(circuit, 1000);
    end(circuit, Result.Failed, 1001, 999);
    expect(circuit.isChanged).toBe(false);
    admit(circuit, 1100);
    endProbe(circuit, Result.Succeeded, 1101);
    for (let i = 0; i < 10; i++) end(circuit, Result.Failed, 1102, 1100);
    expect(stateOf(entry)).toBe(State.Closed);
    trip(circuit, 1102);
    expect(stateOf(entry)).toBe(State.Open);
  });

  it("lets more and more through after it has closed", () => {
    const circuit = circuitOf(1, 100);
    trip(circuit, 1000);
    admit(circuit, 1100);
    endProbe(circuit, Result.Succeeded, 1100);
    expect(isDisturbed(entry)).toBe(true);
    chance.value = 0.5;
    expect(admit(circuit, 1149)).toBe(Verdict.Refuse);
    expect(circuit.wait).toBe(51 * MS);
    expect(admit(circuit, 1151)).toBe(Verdict.Pass);
    chance.value = 0.999;
    expect(admit(circuit, 1199)).toBe(Verdict.Refuse);
    expect(admit(circuit, 1200)).toBe(Verdict.Pass);
    chance.value = 0;
    end(circuit, Result.Succeeded, 1199);
    expect(isDisturbed(entry)).toBe(true);
    end(circuit, Result.Succeeded, 1200);
    expect(isDisturbed(entry)).toBe(false);
  });

  it("does not sleep longer than its settings say, whatever the clock or older settings say", () => {
    const circuit = circuitOf();
    trip(circuit, 1_000_000);
    expect(admit(circuit, 1000)).toBe(Verdict.Refuse);
    expect(circuit.wait).toBe(300 * MS);
    expect(admit(circuit, 1300)).toBe(Verdict.Probe);
    expect(admit(circuit, 5)).toBe(Verdict.Refuse);
    // Days later, no lease would fit the epoch.
    expect(admit(circuit, 2_000_000_000)).toBe(Verdict.Refuse);
    expect(admit(circuit, 2_000_000_300)).toBe(Verdict.Probe);
  });
});
