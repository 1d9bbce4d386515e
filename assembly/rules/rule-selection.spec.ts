import { Bytes } from "../text/bytes";
import { Config } from "../text/config";
import { BUCKETS, bucketOf, hash64 } from "../text/hash";
import { metadataOf } from "./metadata.fixture";
import { ListedRequest } from "./request.fixture";
import { RequestSlots } from "./request-view";
import { parseRuleSelection, RuleSelection } from "./rule-selection";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

class Read {
  constructor(
    readonly rule: RuleSelection,
    readonly request: ListedRequest,
  ) {}
}

function read(document: string): Read {
  const config = Config.parse(Bytes.of(document));
  const slots = new RequestSlots();
  const rule = parseRuleSelection(config.root, slots);
  expect(config.error).toBe("");
  return new Read(rule, new ListedRequest(slots));
}

function refusal(document: string): string {
  const config = Config.parse(Bytes.of(document));
  parseRuleSelection(config.root, new RequestSlots());
  return config.error;
}

describe("a rule's selection", () => {
  it("is all requests, without shadow, by default", () => {
    const all = read('{"name":"r"}');
    all.request.begin();
    expect(all.rule.shadow).toBe(false);
    expect(all.rule.share.includes(all.request)).toBe(true);
    expect(all.request.draws).toBe(0);
    expect(read('{"name":"r","shadow":true}').rule.shadow).toBe(true);
  });

  it("draws when no key is named, and when the request has none", () => {
    const half = read('{"name":"r","share":{"percentage":50,"key":{"header":"x-id"}}}');
    half.request.drawn = 4999;
    half.request.start([]);
    expect(half.rule.share.includes(half.request)).toBe(true);
    half.request.drawn = 5000;
    half.request.start(["x-id= "]);
    expect(half.rule.share.includes(half.request)).toBe(false);
    expect(half.request.draws).toBe(2);
  });

  it("includes nobody at 0, and keeps whom it included when it grows", () => {
    const none = read('{"name":"r","share":{"percentage":0,"key":{"header":"x-id"}}}');
    const some = read('{"name":"r","share":{"percentage":10,"key":{"header":"x-id"}}}');
    const more = read('{"name":"r","share":{"percentage":30,"key":{"header":"x-id"}}}');
    let count = 0;
    for (let i = 0; i < 10_000; i++) {
      const lines = ["x-id= user-" + i.toString()];
      none.request.start(lines);
      some.request.start(lines);
      more.request.start(lines);
      expect(none.rule.share.includes(none.request)).toBe(false);
      if (!some.rule.share.includes(some.request)) continue;
      expect(more.rule.share.includes(more.request)).toBe(true);
      count++;
    }
    expect(count).toBeGreaterThan(900);
    expect(count).toBeLessThan(1100);
  });

  it("has one key for a trace, whatever the form of its headers", () => {
    const traced = read('{"name":"r","share":{"percentage":50,"salt":"s","key":{"traceId":true}}}');
    const salt = hash64(0, Bytes.of("s").ptr, 1);
    const included = bucketOf(salt, Bytes.of(TRACE.substring(16))) < BUCKETS / 2;
    const forms = [
      "traceparent= 00-" + TRACE + "-b7ad6b7169203331-01",
      "traceparent= 01-" + TRACE + "-b7ad6b7169203331-01-more",
      "x-b3-traceid= " + TRACE,
      "x-b3-traceid= " + TRACE.substring(16),
      "b3= " + TRACE + "-b7ad6b7169203331-1",
      "b3= " + TRACE.substring(16) + "-b7ad6b7169203331",
    ];
    for (let i = 0; i < forms.length; i++) {
      traced.request.start([forms[i]]);
      expect(traced.rule.share.includes(traced.request)).toBe(included, forms[i]);
    }
    expect(traced.request.draws).toBe(0);
  });

  it("does not take an invalid trace id", () => {
    const traced = read('{"name":"r","share":{"percentage":50,"key":{"traceId":true}}}');
    const wrong = [
      "traceparent= ",
      "traceparent= 00-00000000000000000000000000000000-b7ad6b7169203331-01",
      "traceparent= 00-" + TRACE.toUpperCase() + "-b7ad6b7169203331-01",
      "traceparent= 00_" + TRACE + "-b7ad6b7169203331-01",
      "traceparent= 00-" + TRACE + "-b7ad6b7169203331-01-more",
      "traceparent= 01-" + TRACE + "-b7ad6b7169203331-01,more",
      "x-b3-traceid= " + TRACE + "0",
      "b3= 0",
      "b3= -",
    ];
    for (let i = 0; i < wrong.length; i++) {
      traced.request.start([wrong[i]]);
      traced.rule.share.includes(traced.request);
    }
    expect(traced.request.draws).toBe(wrong.length);
  });

  it("does not take the id of a trace that a request names twice", () => {
    const traced = read('{"name":"r","share":{"percentage":50,"key":{"traceId":true}}}');
    const lines = [
      "traceparent= 00-" + TRACE + "-b7ad6b7169203331-01",
      "x-b3-traceid= " + TRACE,
      "b3= " + TRACE + "-b7ad6b7169203331-1",
    ];
    for (let i = 0; i < lines.length; i++) {
      traced.request.start([lines[i], lines[i]]);
      traced.rule.share.includes(traced.request);
    }
    expect(traced.request.draws).toBe(lines.length);
  });

  it("takes a host in all its spellings alike, and a claim", () => {
    const hosts = read('{"name":"r","share":{"percentage":50,"salt":"s","key":{"header":"host"}}}');
    const spellings = ["shop.example", "SHOP.example:80", "shop.example.", "u@Shop.Example.:8080"];
    let inside = 0;
    for (let i = 0; i < spellings.length; i++) {
      hosts.request.start([":authority= " + spellings[i]]);
      if (hosts.rule.share.includes(hosts.request)) inside++;
    }
    expect(inside == 0 || inside == spellings.length).toBe(true);
    expect(hosts.request.draws).toBe(0);

    const claims = read(
      '{"name":"r","share":{"percentage":50,"salt":"s","key":{"jwtClaim":{"payload":"jwt","claim":["sub"]}}}}',
    );
    claims.request.metadata = metadataOf('{"sub":"ann"}');
    claims.request.start([]);
    claims.rule.share.includes(claims.request);
    expect(claims.request.draws).toBe(0);
    claims.request.metadata = metadataOf('{"sub":{}}');
    claims.request.start([]);
    claims.rule.share.includes(claims.request);
    expect(claims.request.draws).toBe(1);
  });

  it("says what is wrong with it", () => {
    expect(refusal("{}")).toBe("name: is required");
    expect(refusal('{"name":"a b"}')).toBe("name: must be letters, digits, '_', '.' or '-'");
    expect(refusal('{"name":"r","share":{}}')).toBe("share.percentage: is required");
    expect(refusal('{"name":"r","share":{"percentage":101}}')).toBe(
      "share.percentage: must be a number from 0 to 100",
    );
    expect(refusal('{"name":"r","share":{"percentage":1,"key":{"traceId":false}}}')).toBe(
      "share.key.traceId: must be true",
    );
    expect(refusal('{"name":"r","share":{"percentage":1,"of":1}}')).toBe(
      "share.of: unknown key; expected one of percentage, key, salt",
    );
    expect(refusal('{"name":"r","shadow":1}')).toBe("shadow: must be true or false");
  });
});
