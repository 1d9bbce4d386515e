import { Bytes } from "../text/bytes";
import { Config } from "../text/config";
import { parseClaim } from "./claim-config";
import { claimKey, shownKey } from "./claim-key";
import { parseMatch } from "./match-config";
import { metadataOf } from "./metadata.fixture";
import { ListedRequest } from "./request.fixture";
import { RequestSlots } from "./request-slots";

/** The text of a claim of 8 bytes that are those of the number 8. */
const EVIL = "\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000 @";

/** The key that the claim `c` of a payload is, in hexadecimal digits where it is no text. */
function key(payload: string, path: string = '["c"]'): string {
  const slots = new RequestSlots();
  const config = Config.parse(Bytes.of('{"payload":"jwt","claim":' + path + "}"));
  const slot = parseClaim(config.root, slots);
  expect(config.error).toBe("");
  const request = new ListedRequest(slots);
  request.metadata = metadataOf(payload);
  request.start([]);
  const found = claimKey(request.claim(slot));
  if (!found) return "none";
  const shown = shownKey(found).toString();
  return found.size > 0 && found.at(0) == 0xff ? "json " + shown : "text " + shown;
}

function keyOf(value: string): string {
  return key('{"c":' + value + "}");
}

describe("a claim as a key", () => {
  it("is a text as it is, whatever its characters", () => {
    expect(keyOf('"ann"')).toBe("text ann");
    expect(keyOf('"12345678"')).toBe("text 12345678");
    expect(keyOf('"AAAAAAAA"')).toBe("text AAAAAAAA");
    expect(keyOf('"' + EVIL + '"')).toBe("text \0\0\0\0\0\0 @");
    expect(keyOf('"\\u0001"')).toBe("text \x01");
    expect(keyOf('"\\u0000\\u0000\\u0000\\u0000"')).toBe("text \0\0\0\0");
    expect(keyOf('""')).toBe("text ");
  });

  it("is a whole number, true or false, and never the text of it", () => {
    expect(keyOf("8")).toBe("json 8");
    expect(keyOf('"8"')).toBe("text 8");
    expect(keyOf("0")).toBe("json 0");
    expect(keyOf("-0")).toBe("json 0");
    expect(keyOf("-42")).toBe("json -42");
    expect(keyOf("9007199254740991")).toBe("json 9007199254740991");
    expect(keyOf("7377301270818160")).toBe("json 7377301270818160");
    expect(keyOf("true")).toBe("json true");
    expect(keyOf("false")).toBe("json false");
    expect(keyOf('"true"')).toBe("text true");
  });

  it("is a list of these, joined so that no two lists are alike", () => {
    expect(keyOf('["a"]')).toBe('json ["a"]');
    expect(keyOf('["a","b"]')).toBe('json ["a","b"]');
    expect(keyOf('["a,b"]')).toBe('json ["a,b"]');
    expect(keyOf('["a\\",\\"b"]')).toBe('json ["a\\",\\"b"]');
    expect(keyOf('["a\\\\",""]')).toBe('json ["a\\\\",""]');
    expect(keyOf('["\\u0000\\u001f"]')).toBe('json ["\\u0000\\u001f"]');
    expect(keyOf('[8,"8",true,-1,""]')).toBe('json [8,"8",true,-1,""]');
    expect(keyOf('"[\\"a\\"]"')).toBe('text ["a"]');
    expect(keyOf('["' + EVIL + '"]')).not.toBe(keyOf("[8]"));
  });

  it("is nothing else", () => {
    const others = ["null", "{}", '{"a":1}', "[]", "[[]]", '["a",null]', "[{}]", "0.5", "1e300", "[0.5]"];
    for (let i = 0; i < others.length; i++) expect(keyOf(others[i])).toBe("none", others[i]);
    expect(key("{}")).toBe("none");
    expect(key('"text"')).toBe("none");
  });

  it("is found by its path, and by a place in a list", () => {
    const payload = '{"org":{"id":"acme","list":["a",{"b":"c"}]},"a.b":"d"}';
    expect(key(payload, '["org","id"]')).toBe("text acme");
    expect(key(payload, '["a.b"]')).toBe("text d");
    expect(key(payload, '["org","list","0"]')).toBe("text a");
    expect(key(payload, '["org","list","1","b"]')).toBe("text c");
    expect(key(payload, '["org","list","2"]')).toBe("none");
    expect(key(payload, '["org","list","x"]')).toBe("none");
    expect(key(payload, '["org","id","x"]')).toBe("none");
    expect(key(payload, '["org","none"]')).toBe("none");
  });
});

/** How a test of the claim `c` ends. */
function test(test: string, value: string): bool {
  const slots = new RequestSlots();
  const document = '{"claims":[{"payload":"jwt","claim":["c"],' + test + "}]}";
  const config = Config.parse(Bytes.of(document));
  const match = parseMatch(config.root, slots);
  expect(config.error).toBe("", document);
  const request = new ListedRequest(slots);
  request.metadata = metadataOf(value == "" ? "{}" : '{"c":' + value + "}");
  request.start([]);
  return match.matches(request);
}

function refusal(test: string): string {
  const config = Config.parse(Bytes.of('{"claims":[{"payload":"jwt","claim":["c"]' + test + "}]}"));
  parseMatch(config.root, new RequestSlots());
  return config.error;
}

describe("a test of a claim", () => {
  it("compares the type and the value", () => {
    const values = ['"8"', "8", "true", "false", "null", '"' + EVIL + '"', '"true"', "8.5", '""', '"null"'];
    for (let i = 0; i < values.length; i++) {
      for (let k = 0; k < values.length; k++) {
        expect(test('"exact":' + values[i], values[k])).toBe(i == k, values[i] + " " + values[k]);
        expect(test('"oneOf":["x",' + values[i] + "]", values[k])).toBe(i == k, values[i] + " " + values[k]);
      }
      expect(test('"exact":' + values[i], "{}")).toBe(false);
      expect(test('"exact":' + values[i], "[]")).toBe(false);
      expect(test('"exact":' + values[i], "")).toBe(false);
    }
    expect(test('"exact":0', "-0")).toBe(true);
  });

  it("looks into texts alone", () => {
    expect(test('"prefix":"go"', '"gold"')).toBe(true);
    expect(test('"suffix":"ld"', '"gold"')).toBe(true);
    expect(test('"contains":"ol"', '"gold"')).toBe(true);
    expect(test('"contains":"8"', "8")).toBe(false);
    expect(test('"prefix":"t"', "true")).toBe(false);
    expect(test('"regex":"user-[0-9]+"', '"user-7"')).toBe(true);
    expect(test('"regex":"user-[0-9]+"', '"user-7x"')).toBe(false);
    expect(test('"regex":".*"', "8")).toBe(false);
    expect(test('"regex":"(?i)adm.*"', '["user","ADMIN"]')).toBe(true);
  });

  it("takes both cases of a text for the same where it says so", () => {
    expect(test('"exact":"Gold","ignoreCase":true', '"gOLD"')).toBe(true);
    expect(test('"oneOf":["Gold",8],"ignoreCase":true', '["user","GOLD"]')).toBe(true);
    expect(test('"oneOf":["Gold",8],"ignoreCase":true', "8")).toBe(true);
    expect(test('"contains":"OL","ignoreCase":true', '"gold"')).toBe(true);
    expect(test('"exact":"Gold"', '"gold"')).toBe(false);
  });

  it("compares numbers, and not their texts, with a range", () => {
    expect(test('"range":{"from":5,"to":10}', "5")).toBe(true);
    expect(test('"range":{"from":5,"to":10}', "7.5")).toBe(true);
    expect(test('"range":{"from":5,"to":10}', "10.5")).toBe(false);
    expect(test('"range":{"from":5}', "1e300")).toBe(true);
    expect(test('"range":{"to":5}', "-1e300")).toBe(true);
    expect(test('"range":{"from":5,"to":10}', '"7"')).toBe(false);
    expect(test('"range":{"from":0}', "true")).toBe(false);
  });

  it("tells null, empty and missing apart", () => {
    const there = ["null", '""', "[]", "{}", "false", "0"];
    for (let i = 0; i < there.length; i++) {
      expect(test('"present":true', there[i])).toBe(true, there[i]);
      expect(test('"absent":true', there[i])).toBe(false, there[i]);
    }
    expect(test('"present":true', "")).toBe(false);
    expect(test('"absent":true', "")).toBe(true);
  });

  it("passes for a list if it does for one of the entries", () => {
    expect(test('"exact":"admin"', '["user","admin"]')).toBe(true);
    expect(test('"exact":"admin"', '["user","administrator"]')).toBe(false);
    expect(test('"prefix":"adm"', '["user","administrator"]')).toBe(true);
    expect(test('"exact":8', '["8"]')).toBe(false);
    expect(test('"exact":8', '["a",8]')).toBe(true);
    expect(test('"range":{"from":5}', '["a",8]')).toBe(true);
    expect(test('"exact":"admin"', '[["admin"]]')).toBe(false);
    expect(test('"exact":null', "[null]")).toBe(true);
  });

  it("is reversed as a whole by invert", () => {
    expect(test('"exact":"admin","invert":true', '["user","admin"]')).toBe(false);
    expect(test('"exact":"admin","invert":true', '["user"]')).toBe(true);
    expect(test('"exact":"admin","invert":true', "[]")).toBe(true);
    expect(test('"exact":"admin","invert":true', "")).toBe(true);
    expect(test('"contains":"a","invert":true', "8")).toBe(true);
    expect(test('"present":true,"invert":true', "null")).toBe(false);
  });

  it("is refused where it is wrong", () => {
    expect(refusal("").startsWith("claims[0]: needs exactly one of")).toBe(true);
    expect(refusal(',"exact":[]')).toBe("claims[0].exact: must be a text, a number, true, false or null");
    expect(refusal(',"oneOf":[{}]')).toBe(
      "claims[0].oneOf[0]: must be a text, a number, true, false or null",
    );
    expect(refusal(',"prefix":8')).toBe("claims[0].prefix: must be a string");
    expect(refusal(',"name":"c","exact":8').startsWith("claims[0].name: unknown key")).toBe(true);
  });
});

describe("claims of one request", () => {
  it("cost one read of the metadata, and are forgotten with the request", () => {
    const slots = new RequestSlots();
    const config = Config.parse(
      Bytes.of(
        '{"claims":[{"payload":"jwt","claim":["a"],"exact":1},{"payload":"jwt","claim":["b"],"exact":2}]}',
      ),
    );
    const match = parseMatch(config.root, slots);
    expect(slots.claims.places.length).toBe(2);
    const request = new ListedRequest(slots);
    request.metadata = metadataOf('{"a":1,"b":2}');
    request.start([]);
    expect(match.matches(request)).toBe(true);
    expect(request.fetched).toBe(0);
    request.metadata = metadataOf('{"a":1,"b":3}');
    request.start([]);
    expect(match.matches(request)).toBe(false);
  });

  it("are told by their bytes where the host has no metadata as a whole", () => {
    const slots = new RequestSlots();
    const config = Config.parse(Bytes.of('{"payload":"jwt","claim":["c"]}'));
    const slot = parseClaim(config.root, slots);
    const request = new ListedRequest(slots);
    request.start(["metadata.filter_metadata.envoy.filters.http.jwt_authn.jwt.c= ann"]);
    expect(claimKey(request.claim(slot))!.toString()).toBe("ann");
    request.start(["metadata.filter_metadata.envoy.filters.http.jwt_authn.jwt.c= \x01"]);
    expect(shownKey(claimKey(request.claim(slot))!).toString()).toBe("true");
    request.start(["metadata.filter_metadata.envoy.filters.http.jwt_authn.jwt.c= \0\0\0\0\0\0 @"]);
    expect(shownKey(claimKey(request.claim(slot))!).toString()).toBe("8");
    request.start([]);
    expect(claimKey(request.claim(slot)) == null).toBe(true);
  });

  it("are missing in metadata of any bytes", () => {
    const slots = new RequestSlots();
    const config = Config.parse(Bytes.of('{"payload":"jwt","claim":["c"]}'));
    const slot = parseClaim(config.root, slots);
    const request = new ListedRequest(slots);
    const whole = metadataOf('{"c":["a",{"b":8}],"d":"e"}').copy();
    let random: u32 = 1;
    for (let round = 0; round < 2_000; round++) {
      const damaged = whole.copy();
      for (let i = 0; i < 3; i++) {
        random = random * 1664525 + 1013904223;
        store<u8>(damaged.ptr + ((random >> 16) % damaged.size), <u8>(random >> 8));
      }
      request.metadata = damaged;
      request.start([]);
      const found = claimKey(request.claim(slot));
      if (found) expect(found.size).toBeLessThan(8 * whole.size);
    }
  });
});
