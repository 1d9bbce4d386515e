import { Bytes } from "../../assembly/text/bytes";
import { Config } from "../../assembly/text/config";
import { ChancyRequest } from "./chance.fixture";
import { FaultInjectionConfig } from "./config";
import { Outcome, Rule, RuleList, TimeOfDay } from "./policy";

const NOON: i64 = 1795262400000;

class Clock extends TimeOfDay {
  now: i64 = NOON;
  asked: i32 = 0;

  milliseconds(): i64 {
    this.asked++;
    return this.now;
  }
}

class Policy {
  readonly clock: Clock;
  readonly list: RuleList;
  readonly request: ChancyRequest;

  constructor(rules: string) {
    const document = Config.parse(Bytes.of('{"rules":[' + rules + "]}"));
    const config = new FaultInjectionConfig(document.root);
    expect(document.error).toBe("");
    const clock = new Clock();
    this.clock = clock;
    this.list = new RuleList(config.rules, clock);
    this.request = new ChancyRequest(config.slots, 11);
  }

  /** The names of the rules that a request meets, in order. */
  walk(lines: Array<string>): string {
    this.request.start(lines);
    const names: string[] = [];
    for (let rule = this.list.first(this.request); rule != null; rule = this.list.next(this.request)) {
      names.push(nameOf(rule));
    }
    return names.join(" ");
  }
}

function nameOf(rule: Rule): string {
  return rule.selection.name.toString();
}

const FAULT = '"abort":{"status":503}';

function rule(name: string, more: string): string {
  return '{"name":"' + name + '",' + FAULT + more + "}";
}

function onHeader(name: string, value: string): string {
  return rule(name, ',"match":{"headers":[{"name":"x-a","exact":"' + value + '"}]}');
}

describe("a rule that counts messages", () => {
  it("is about gRPC calls, and passes other requests by", () => {
    const policy = new Policy(
      '{"name":"calls","abort":{"status":503,"afterMessages":2}},' + rule("others", ""),
    );
    expect(policy.walk(["content-type= application/grpc"])).toBe("calls others");
    expect(policy.walk(["content-type= application/grpc+proto"])).toBe("calls others");
    const others: StaticArray<string> = ["text/plain", "application/grpc-web", "application/grpc;x", ""];
    for (let i = 0; i < others.length; i++)
      expect(policy.walk(["content-type= " + others[i]])).toBe("others");
    expect(policy.walk([])).toBe("others");
  });
});

describe("the rules", () => {
  it("are met in order, if they match", () => {
    const policy = new Policy(
      [onHeader("a", "1"), rule("b", ""), onHeader("c", "2"), onHeader("d", "1")].join(),
    );
    expect(policy.walk(["x-a= 1"])).toBe("a b d");
    expect(policy.walk(["x-a= 2"])).toBe("b c");
    expect(policy.walk([])).toBe("b");
  });

  it("are looked up when many test one header", () => {
    const rules: string[] = [];
    for (let i = 0; i < 100; i++) rules.push(onHeader("r" + i.toString(), (i % 10).toString()));
    expect(new Policy(rules.join()).walk(["x-a= 3"])).toBe("r3 r13 r23 r33 r43 r53 r63 r73 r83 r93");
  });

  it("take a share of the keys, always the same ones", () => {
    const policy = new Policy(rule("half", ',"share":{"percentage":50,"key":{"header":"x-user"}}'));
    let taken = 0;
    for (let i = 0; i < 2000; i++) {
      const lines = ["x-user= " + i.toString()];
      const first = policy.walk(lines);
      expect(policy.walk(lines)).toBe(first);
      if (first.length > 0) taken++;
    }
    expect(taken).toBeGreaterThan(900);
    expect(taken).toBeLessThan(1100);
    expect(policy.request.draws).toBe(0);
  });

  it("take a random share when there is no key", () => {
    const policy = new Policy(rule("tenth", ',"share":{"percentage":10}'));
    let taken = 0;
    for (let i = 0; i < 10_000; i++) {
      if (policy.walk([]).length > 0) taken++;
    }
    expect(taken).toBeGreaterThan(850);
    expect(taken).toBeLessThan(1150);
  });

  it("are in force from one moment until another", () => {
    const policy = new Policy(
      rule("window", ',"from":"2026-11-21T12:00:00Z","until":"2026-11-21T13:00:00+00:30"'),
    );
    policy.clock.now = NOON - 1;
    expect(policy.walk([])).toBe("");
    policy.clock.now = NOON;
    expect(policy.walk([])).toBe("window");
    policy.clock.now = NOON + 30 * 60_000 - 1;
    expect(policy.walk([])).toBe("window");
    policy.clock.now = NOON + 30 * 60_000;
    expect(policy.walk([])).toBe("");
  });

  it("follow a clock that jumps, either way", () => {
    const policy = new Policy(rule("late", ',"from":"2026-11-21T12:00:00Z"') + "," + rule("any", ""));
    expect(policy.walk([])).toBe("late any");
    policy.clock.now = 0;
    expect(policy.walk([])).toBe("any");
    policy.clock.now = NOON * 1000;
    expect(policy.walk([])).toBe("late any");
  });

  it("ask for the time, and draw, only when they need it", () => {
    const plain = new Policy(rule("plain", ""));
    plain.walk([]);
    expect(plain.clock.asked).toBe(0);
    const over = new Policy(rule("over", ',"until":"2026-11-21T11:00:00Z","share":{"percentage":50}'));
    over.walk([]);
    expect(over.clock.asked).toBe(1);
    expect(over.request.draws).toBe(0);
  });

  it("report their outcomes", () => {
    const policy = new Policy(
      [
        '{"name":"a","delay":{"fixed":"1s"}}',
        '{"name":"b","delay":{"fixed":"1s"},"abort":{"status":500}}',
        '{"name":"c","blackHole":{}}',
        '{"name":"d","delay":{"fixed":"1s"},"response":{"status":500}}',
        '{"name":"e","delay":{"fixed":"1s"},"abort":{"status":500,"afterMessages":1}}',
      ].join(),
    );
    const rules = policy.list.rules;
    expect(rules[0].outcome).toBe(Outcome.Delayed);
    expect(rules[1].outcome).toBe(Outcome.Aborted);
    expect(rules[2].outcome).toBe(Outcome.BlackHoled);
    expect(rules[3].outcome).toBe(Outcome.Response);
    expect(rules[4].outcome).toBe(Outcome.Armed);
  });
});
