// What the streams of one plugin share: the compiled configuration, its metrics, and the current
// request.

import { Bytes, nowMilliseconds, requestHeaders } from "../../assembly";
import { HostRequestView } from "../../assembly/rules";
import { ClientFaults } from "./client-faults";
import { FaultInjectionConfig } from "./config";
import { ActiveFaults, allActiveFaults, RuleMetrics } from "./metrics";
import { RuleList, TimeOfDay } from "./policy";
import { turnCounter } from "./turn-counters";

@final
class HostTimeOfDay extends TimeOfDay {
  milliseconds(): i64 {
    return <i64>nowMilliseconds();
  }
}

/** Make it once the configuration is accepted. */
@final
export class FaultEngine {
  readonly rules: RuleList;
  readonly request: HostRequestView;
  readonly active: ActiveFaults;
  readonly clientMetrics: RuleMetrics | null;
  private readonly metrics: StaticArray<RuleMetrics>;

  /** @param plugin its name: rules of one name in two plugins count by themselves */
  constructor(
    readonly config: FaultInjectionConfig,
    plugin: Bytes,
  ) {
    const rules = config.rules;
    this.rules = new RuleList(rules, new HostTimeOfDay());
    this.request = new HostRequestView(config.slots);
    this.active = allActiveFaults(config.maxActive);
    const client = config.clientFaults;
    const property = config.explainProperty;
    this.clientMetrics = client ? RuleMetrics.ofClients(client.name, client.maxActive, property) : null;
    this.metrics = new StaticArray<RuleMetrics>(rules.length);
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i];
      this.metrics[i] = RuleMetrics.ofRule(rule, config.maxActive, property);
      const turns = rule.turns;
      if (turns) rule.counter = turnCounter(rule, turns, plugin);
    }
  }

  metricsOf(rule: i32): RuleMetrics {
    return unchecked(this.metrics[rule]);
  }

  /**
   * Removes the headers with which clients ask for faults, whoever sent them: the upstream must not
   * see them. Call it after the decision.
   */
  removeClientHeaders(client: ClientFaults): void {
    for (let i = 0; i < client.headers.length; i++) {
      if (this.request.header(unchecked(client.slots[i])))
        requestHeaders.remove(unchecked(client.headers[i]));
    }
  }
}
