// A rule of the upstream chain at work: the hosts of each cluster, in shared data.

import { Bytes, monotonicNanoseconds, SharedData, Status, sharedKey } from "../../../assembly";
import { DecisionProperty, RuleOutcomes, RuleSelection } from "../../../assembly/rules";
import { HostPolicy, HostVerdict, Peers } from "./peers";

/** Layout of the hosts of a cluster: raise it with any change of what `peers.ts` writes. */
const LAYOUT: u32 = 1;
const CLUSTER_SIZE: i32 = 8;
/** Each attempt fails only because another worker's has succeeded. */
const ATTEMPTS: i32 = 100;
/** In the order of `HostVerdict`. */
const OUTCOME_WORDS: StaticArray<string> = ["usual", "slow", "marked"];

/** A rule from the configuration. */
@final
export class HostRulePolicy {
  constructor(
    readonly selection: RuleSelection,
    readonly hosts: HostPolicy,
  ) {}
}

/** Make it once the configuration is accepted: it defines metrics. */
@final
export class HostRule {
  readonly outcomes: RuleOutcomes;
  readonly isShadow: bool;
  private readonly peers: Peers;
  private readonly key: Bytes;
  private readonly shared: SharedData;

  /** @param plugin the plugin's name: rules of one name in plugins of one name share their hosts */
  constructor(policy: HostRulePolicy, plugin: Bytes, property: DecisionProperty | null) {
    const name = policy.selection.name;
    const isShadow = policy.selection.shadow;
    this.isShadow = isShadow;
    this.peers = new Peers(policy.hosts);
    const key = sharedKey("circuit-breaker", "hosts", LAYOUT, [plugin, name], CLUSTER_SIZE);
    this.key = key;
    this.shared = new SharedData(key);
    this.outcomes = new RuleOutcomes(
      "meshwright.circuit_breaker.decisions_total",
      name,
      OUTCOME_WORDS,
      isShadow,
      property,
    );
  }

  /**
   * Takes the response of a host. Three host calls, and three more whenever another worker was
   * faster.
   * @param cluster a hash
   * @param host a hash
   * @param began when the request went to the host, on the monotonic clock
   * @param isAnswer false if there was no response
   */
  judge(cluster: u64, host: u64, began: u64, isAnswer: bool): HostVerdict {
    store<u64>(this.key.ptr + this.key.size - CLUSTER_SIZE, cluster);
    const peers = this.peers;
    const tag = max<u64>(1, host);
    const ended = monotonicNanoseconds();
    const latency = ended > began ? ended - began : 0;
    for (let i = 0; i < ATTEMPTS; i++) {
      peers.open(this.shared.get());
      const verdict = peers.judge(tag, latency, ended, isAnswer);
      if (peers.value.size == 0 || this.shared.compareAndSet(peers.value) != Status.CasMismatch)
        return verdict;
    }
    return HostVerdict.Usual;
  }
}
