import { parseMatch } from "../../assembly/matching/match-config";
import { ListedRequest } from "../../assembly/matching/request.fixture";
import { RequestSlots } from "../../assembly/matching/request-view";
import { Bytes } from "../../assembly/text/bytes";
import { Config } from "../../assembly/text/config";
import { Rule, RuleList } from "./policy";
import { Target } from "./split";

const RESERVED = Bytes.of("x-mesh-destination");

/** Rules with these matches, named by their numbers. */
function rulesOf(matches: Array<string>, slots: RequestSlots): StaticArray<Rule> {
  const rules = new StaticArray<Rule>(matches.length);
  for (let i = 0; i < matches.length; i++) {
    const config = Config.parse(Bytes.of(matches[i]));
    const match = parseMatch(config.root, slots, RESERVED);
    expect(config.error).toBe("");
    rules[i] = new Rule(match, new Target(i.toString(), Bytes.of("v")), null);
  }
  return rules;
}

/** The name of the rule that decides, or "none". */
function decided(matches: Array<string>, lines: Array<string>): string {
  const slots = new RequestSlots();
  const list = new RuleList(rulesOf(matches, slots));
  const request = new ListedRequest(slots);
  request.start(lines);
  const target = list.decide(request);
  return target ? target.rule : "none";
}

function exact(name: string, value: string): string {
  return '{"headers":[{"name":"' + name + '","exact":"' + value + '"}]}';
}

describe("a list of rules", () => {
  it("lets the first that matches decide, and none when none matches", () => {
    const matches = [exact("x-a", "1"), '{"headers":[{"name":"x-a","present":true}]}'];
    expect(decided(matches, ["x-a= 1"])).toBe("0");
    expect(decided(matches, ["x-a= 2"])).toBe("1");
    expect(decided(matches, [])).toBe("none");
    expect(decided([], ["x-a= 1"])).toBe("none");
    expect(decided(["{}"], [])).toBe("0");
  });

  it("looks up neighbours that test one header, in their order", () => {
    const matches = [
      exact("x-a", "1"),
      exact("x-a", "2"),
      '{"headers":[{"name":"x-a","oneOf":["3","4","3"]}]}',
      '{"headers":[{"name":"x-b","present":true},{"name":"x-a","exact":"5"}]}',
      exact("x-a", "5"),
      exact("x-a", "1"),
    ];
    expect(decided(matches, ["x-a= 1"])).toBe("0");
    expect(decided(matches, ["x-a= 2"])).toBe("1");
    expect(decided(matches, ["x-a= 3"])).toBe("2");
    expect(decided(matches, ["x-a= 4"])).toBe("2");
    expect(decided(matches, ["x-a= 5"])).toBe("4");
    expect(decided(matches, ["x-a= 5", "x-b= "])).toBe("3");
    expect(decided(matches, ["x-a= 6"])).toBe("none");
    expect(decided(matches, ["x-b= 1"])).toBe("none");
  });

  it("keeps rules between and after those that are looked up in their place", () => {
    const matches: string[] = [];
    for (let i = 0; i < 5; i++) matches.push(exact("x-a", i.toString()));
    matches.push('{"headers":[{"name":"x-stop","present":true}]}');
    for (let i = 0; i < 5; i++) matches.push(exact("x-b", i.toString()));
    matches.push('{"headers":[{"name":"x-a","exact":"4","invert":true}]}');
    expect(decided(matches, ["x-a= 4", "x-stop= 1", "x-b= 0"])).toBe("4");
    expect(decided(matches, ["x-a= 9", "x-stop= 1", "x-b= 0"])).toBe("5");
    expect(decided(matches, ["x-b= 3"])).toBe("9");
    expect(decided(matches, ["x-b= 9"])).toBe("11");
  });

  it("decides like trying each in turn, whatever the rules", () => {
    let seed: u32 = 7;
    for (let round = 0; round < 200; round++) {
      const matches: string[] = [];
      for (let i = 0; i < 12; i++) {
        seed = seed * 1664525 + 1013904223;
        const name = (seed >> 16) % 3 == 0 ? "x-b" : "x-a";
        const value = ((seed >> 20) % 4).toString();
        const invert = (seed >> 25) % 8 == 0 ? ',"invert":true' : "";
        matches.push('{"headers":[{"name":"' + name + '","exact":"' + value + '"' + invert + "}]}");
      }
      const slots = new RequestSlots();
      const rules = rulesOf(matches, slots);
      const list = new RuleList(rules);
      const request = new ListedRequest(slots);
      for (let value = 0; value < 16; value++) {
        request.start(["x-a= " + (value % 4).toString(), "x-b= " + (value / 4).toString()]);
        let wanted = "none";
        for (let i = 0; i < rules.length && wanted == "none"; i++) {
          if (rules[i].match.matches(request)) wanted = i.toString();
        }
        const target = list.decide(request);
        expect(target ? target.rule : "none").toBe(wanted);
      }
    }
  });

  it("draws once for a rule that lists a value twice", () => {
    const twice = '{"headers":[{"name":"x-a","oneOf":["1","1"]}],"percentage":50}';
    const slots = new RequestSlots();
    const list = new RuleList(rulesOf([twice, twice, twice, twice], slots));
    const request = new ListedRequest(slots);
    request.drawn = 9_999;
    request.start(["x-a= 1"]);
    expect(list.decide(request)).toBe(null);
    expect(request.draws).toBe(4);
  });
});
