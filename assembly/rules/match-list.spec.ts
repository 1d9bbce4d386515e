import { Bytes } from "../text/bytes";
import { Config } from "../text/config";
import { parseMatch } from "./match-config";
import { MatchList } from "./match-list";
import { ListedRequest } from "./request.fixture";
import { RequestMatch } from "./request-match";
import { RequestSlots } from "./request-view";

function matchesOf(documents: Array<string>, slots: RequestSlots): StaticArray<RequestMatch> {
  const matches = new StaticArray<RequestMatch>(documents.length);
  for (let i = 0; i < documents.length; i++) {
    const config = Config.parse(Bytes.of(documents[i]));
    matches[i] = parseMatch(config.root, slots);
    expect(config.error).toBe("");
  }
  return matches;
}

/** The number of the first match that holds, or "none". */
function decided(documents: Array<string>, lines: Array<string>): string {
  const slots = new RequestSlots();
  const list = new MatchList(matchesOf(documents, slots));
  const request = new ListedRequest(slots);
  request.start(lines);
  const first = list.first(request);
  return first < 0 ? "none" : first.toString();
}

function exact(name: string, value: string): string {
  return '{"headers":[{"name":"' + name + '","exact":"' + value + '"}]}';
}

describe("a list of matches", () => {
  it("lets the first match that holds decide, and none when none holds", () => {
    const matches = [exact("x-a", "1"), '{"headers":[{"name":"x-a","present":true}]}'];
    expect(decided(matches, ["x-a= 1"])).toBe("0");
    expect(decided(matches, ["x-a= 2"])).toBe("1");
    expect(decided(matches, [])).toBe("none");
    expect(decided([], ["x-a= 1"])).toBe("none");
    expect(decided(["{}"], [])).toBe("0");
  });

  it("looks up adjacent rules that test one header, in their order", () => {
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

  it("keeps the order of rules before, between and after those that are looked up", () => {
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

  it("decides as if each rule was tried in turn, whatever the rules", () => {
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
      const compiled = matchesOf(matches, slots);
      const list = new MatchList(compiled);
      const request = new ListedRequest(slots);
      for (let value = 0; value < 16; value++) {
        request.start(["x-a= " + (value % 4).toString(), "x-b= " + (value / 4).toString()]);
        let found = list.first(request);
        for (let i = 0; i < compiled.length; i++) {
          if (!compiled[i].matches(request)) continue;
          expect(found).toBe(i);
          found = list.next(request);
        }
        expect(found).toBe(-1);
      }
    }
  });

  it("draws once for a rule that lists a value twice", () => {
    const twice = '{"headers":[{"name":"x-a","oneOf":["1","1"]}],"percentage":50}';
    const slots = new RequestSlots();
    const list = new MatchList(matchesOf([twice, twice, twice, twice], slots));
    const request = new ListedRequest(slots);
    request.drawn = 9_999;
    request.start(["x-a= 1"]);
    expect(list.first(request)).toBe(-1);
    expect(request.draws).toBe(4);
  });
});
