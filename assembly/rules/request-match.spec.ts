import { Bytes } from "../text/bytes";
import { Config } from "../text/config";
import { parseMatch } from "./match-config";
import { ListedRequest } from "./request.fixture";
import { RequestMatch } from "./request-match";
import { RequestSlots } from "./request-view";

const RESERVED = Bytes.of("x-mesh-destination");

function matches(document: string, lines: Array<string>, drawn: u32 = 0): bool {
  const slots = new RequestSlots();
  const config = Config.parse(Bytes.of(document));
  const match = parseMatch(config.root, slots, RESERVED);
  expect(config.error).toBe("");
  const request = new ListedRequest(slots);
  request.drawn = drawn;
  request.start(lines);
  return match.matches(request);
}

function errorOf(document: string): string {
  const config = Config.parse(Bytes.of(document));
  parseMatch(config.root, new RequestSlots(), RESERVED);
  return config.error;
}

function header(test: string, value: string): bool {
  return matches('{"headers":[{"name":"x-a",' + test + "}]}", ["x-a= " + value]);
}

function missing(test: string): bool {
  return matches('{"headers":[{"name":"x-a",' + test + "}]}", []);
}

function path(test: string, value: string): bool {
  return matches('{"path":{' + test + "}}", [":path= " + value]);
}

describe("regular expressions", () => {
  it("test the whole value of headers, paths, query parameters and cookies", () => {
    expect(header('"regex":"v[0-9]+"', "v12")).toBe(true);
    expect(header('"regex":"v[0-9]+"', "v12x")).toBe(false);
    expect(header('"regex":"v[0-9]+","invert":true', "v12x")).toBe(true);
    expect(missing('"regex":".*"')).toBe(false);
    expect(missing('"regex":".*","invert":true')).toBe(true);
    expect(path('"regex":"/users/[^/]+/orders"', "/users/7/orders?x=1")).toBe(true);
    expect(path('"regex":"/users/[^/]+/orders"', "/users/7/8/orders")).toBe(false);
    expect(matches('{"query":[{"name":"q","regex":"a b+"}]}', [":path= /?q=a%20bb"])).toBe(true);
    expect(matches('{"cookies":[{"name":"c","regex":"(?i)beta"}]}', ["cookie= c=BETA"])).toBe(true);
  });

  it("see the host alone, in lower case", () => {
    const shop = '{"headers":[{"name":":authority","regex":"shop\\\\.[a-z]+"}]}';
    expect(matches(shop, [":authority= Shop.Example:8080"])).toBe(true);
    expect(matches(shop, [":authority= shopx.example"])).toBe(false);
  });

  it("are refused with their place", () => {
    expect(errorOf('{"path":{"regex":"/a**"}}')).toBe("path.regex: has a repeat '*' of a repeat at byte 3");
    expect(errorOf('{"headers":[{"name":"x-a","regex":"("}]}')).toBe(
      "headers[0].regex: has a '(' without its ')' at byte 0",
    );
    expect(errorOf('{"path":{"regex":""}}')).toBe("path.regex: must not be empty");
    expect(errorOf('{"path":{"regex":"' + "a|".repeat(10_000) + 'b"}}')).toBe(
      "path.regex: must be at most 4096 bytes long, not 20001",
    );
  });
});

describe("ignoreCase", () => {
  it("makes letters of ASCII the same in both cases", () => {
    expect(header('"exact":"Premium","ignoreCase":true', "pREMIUM")).toBe(true);
    expect(header('"exact":"Premium","ignoreCase":true', "premiums")).toBe(false);
    expect(header('"prefix":"PRE","ignoreCase":true', "premium")).toBe(true);
    expect(header('"suffix":"ium","ignoreCase":true', "PREMIUM")).toBe(true);
    expect(header('"suffix":"premium","ignoreCase":true', "ium")).toBe(false);
    expect(header('"contains":"EmI","ignoreCase":true', "preMium")).toBe(true);
    expect(header('"contains":"aab","ignoreCase":true', "AAAAB")).toBe(true);
    expect(header('"contains":"abab","ignoreCase":true', "ABAABAX")).toBe(false);
    expect(header('"oneOf":["Beta","GAMMA"],"ignoreCase":true', "gamma")).toBe(true);
    expect(header('"oneOf":["Beta","GAMMA"],"ignoreCase":true', "gamm")).toBe(false);
    expect(header('"oneOf":["Beta"],"ignoreCase":true', "b".repeat(10_000))).toBe(false);
    expect(header('"exact":"[@`{","ignoreCase":true', "{`@[")).toBe(false);
    expect(header('"exact":"é","ignoreCase":true', "É")).toBe(false);
    expect(header('"exact":"a","ignoreCase":false', "A")).toBe(false);
    expect(path('"exact":"/Login","ignoreCase":true', "/LOGIN")).toBe(true);
    expect(path('"segments":"/Api/","ignoreCase":true', "/API/x")).toBe(true);
    expect(path('"segments":"/Api","ignoreCase":true', "/APIx")).toBe(false);
  });

  it("is for tests that compare texts", () => {
    const reason = "is for exact, prefix, suffix, contains, oneOf, segments; a regex has (?i)";
    expect(errorOf('{"headers":[{"name":"x-a","regex":"a","ignoreCase":true}]}')).toBe(
      "headers[0].ignoreCase: " + reason,
    );
    expect(errorOf('{"headers":[{"name":"x-a","present":true,"ignoreCase":false}]}')).toBe(
      "headers[0].ignoreCase: " + reason,
    );
    expect(errorOf('{"path":{"regex":"/a","ignoreCase":true}}')).toBe("path.ignoreCase: " + reason);
  });
});

/** Whether a match holds for these lines and that client, and how often the host was asked. */
function asked(document: string, lines: Array<string>, address: string = "192.0.2.7"): string {
  const slots = new RequestSlots();
  const config = Config.parse(Bytes.of(document));
  const match = parseMatch(config.root, slots);
  expect(config.error).toBe("");
  const request = new ListedRequest(slots);
  request.address = address;
  request.start(lines);
  const holds = match.matches(request);
  return `${holds ? "yes" : "no"} ${request.fetched + request.walks}`;
}

describe("the client's address, the route and filter state", () => {
  it("are tested where the match names them", () => {
    const office = '{"clientAddress":["192.0.2.0/24","2001:db8::/32"]}';
    expect(asked(office, [])).toBe("yes 1");
    expect(asked(office, [], "192.0.3.7")).toBe("no 1");
    expect(asked(office, [], "2001:db8::1")).toBe("yes 1");
    expect(asked(office, [], "fe80::1%2")).toBe("no 1");
    expect(asked(office, [], "/var/run/app.sock")).toBe("no 1");
    expect(asked(office, [], "")).toBe("no 1");
    const route = '{"route":{"oneOf":["shop","cart"]}}';
    expect(asked(route, ["xds.route_name= cart"])).toBe("yes 1");
    expect(asked(route, ["xds.route_name= other"])).toBe("no 1");
    expect(asked(route, [])).toBe("no 1");
    const state = '{"filterState":[{"key":"wasm.a","prefix":"x"},{"key":"b","absent":true}]}';
    expect(asked(state, ["filter_state.wasm.a= xy"])).toBe("yes 2");
    expect(asked(state, ["filter_state.wasm.a= xy", "filter_state.b= "])).toBe("no 2");
    expect(asked(state, ["filter_state.wasm.a= y"])).toBe("no 1");
  });

  it("are read only when what is cheaper holds", () => {
    const match =
      '{"headers":[{"name":"x-a","exact":"a"}],"clientAddress":["::/0"],"route":{"exact":"shop"}}';
    expect(asked(match, ["x-a= b", "xds.route_name= shop"])).toBe("no 1");
    expect(asked(match, ["x-a= a", "xds.route_name= shop"])).toBe("no 2");
    expect(asked(match, ["x-a= a", "xds.route_name= shop"], "::1")).toBe("yes 3");
  });
});

describe("anyOf and not", () => {
  it("hold when one does, and when it does not", () => {
    const any = '{"anyOf":[{"method":"GET"},{"headers":[{"name":"x-a","exact":"a"}]}]}';
    expect(matches(any, [":method= GET"])).toBe(true);
    expect(matches(any, [":method= PUT", "x-a= a"])).toBe(true);
    expect(matches(any, [":method= PUT"])).toBe(false);
    const not = '{"not":{"method":"GET","path":{"exact":"/"}}}';
    expect(matches(not, [":method= GET", ":path= /"])).toBe(false);
    expect(matches(not, [":method= GET", ":path= /x"])).toBe(true);
    expect(matches('{"not":{"anyOf":[{"not":{"method":"GET"}}]}}', [":method= GET"])).toBe(true);
    expect(matches('{"not":{"method":"GET"},"percentage":50}', [":method= PUT"], 5000)).toBe(false);
  });

  it("try what reads attributes last", () => {
    const any = '{"anyOf":[{"clientAddress":["10.0.0.0/8"]},{"method":["GET","HEAD"]}]}';
    expect(asked(any, [":method= GET"])).toBe("yes 1");
    expect(asked(any, [":method= PUT"])).toBe("no 2");
    const mixed =
      '{"clientAddress":["192.0.2.0/24"],"not":{"method":"GET"},"anyOf":[{"path":{"exact":"/"}}]}';
    expect(asked(mixed, [":method= GET", ":path= /"])).toBe("no 1");
    const late = '{"route":{"exact":"shop"},"not":{"clientAddress":["192.0.2.0/24"]}}';
    expect(asked(late, ["xds.route_name= other"])).toBe("no 1");
    expect(asked(late, ["xds.route_name= shop"])).toBe("no 2");
  });

  it("are within each other up to a bound, and name something", () => {
    expect(errorOf('{"not":{"not":{"not":{"method":"GET"}}}}')).toBe("");
    expect(errorOf('{"not":{"not":{"not":{"not":{"method":"GET"}}}}}')).toBe(
      "not.not.not.not: is nested deeper than 4",
    );
    expect(errorOf('{"anyOf":[{"percentage":5}]}').startsWith("anyOf[0].percentage: unknown key")).toBe(true);
    expect(errorOf('{"not":{}}').startsWith("not: needs at least one of method")).toBe(true);
  });
});

describe("header tests", () => {
  it("compares exactly, at the start, at the end and within", () => {
    expect(header('"exact":"premium"', "premium")).toBe(true);
    expect(header('"exact":"premium"', "Premium")).toBe(false);
    expect(header('"exact":""', "")).toBe(true);
    expect(header('"prefix":"pre"', "premium")).toBe(true);
    expect(header('"prefix":"premium"', "pre")).toBe(false);
    expect(header('"suffix":"ium"', "premium")).toBe(true);
    expect(header('"suffix":"premium"', "ium")).toBe(false);
    expect(header('"contains":"emi"', "premium")).toBe(true);
    expect(header('"contains":"emx"', "premium")).toBe(false);
  });

  it("accepts any one of several values", () => {
    expect(header('"oneOf":["a","b","c"]', "b")).toBe(true);
    expect(header('"oneOf":["a","b","c"]', "d")).toBe(false);
    expect(header('"oneOf":["a","a"]', "a")).toBe(true);
  });

  it("tells an empty value from an absent one", () => {
    expect(header('"present":true', "")).toBe(true);
    expect(header('"absent":true', "")).toBe(false);
    expect(missing('"present":true')).toBe(false);
    expect(missing('"absent":true')).toBe(true);
  });

  it("compares whole numbers, and includes both bounds", () => {
    expect(header('"range":{"from":10,"to":20}', "10")).toBe(true);
    expect(header('"range":{"from":10,"to":20}', "20")).toBe(true);
    expect(header('"range":{"from":10,"to":20}', "21")).toBe(false);
    expect(header('"range":{"from":-5}', "-5")).toBe(true);
    expect(header('"range":{"to":0}', "-1")).toBe(true);
    expect(header('"range":{"from":0}', "1.5")).toBe(false);
    expect(header('"range":{"from":0}', "ten")).toBe(false);
    expect(header('"range":{"from":0}', "99999999999999999999999999")).toBe(false);
  });

  it("is negated by invert, also for a missing value", () => {
    expect(header('"exact":"a","invert":true', "b")).toBe(true);
    expect(header('"exact":"a","invert":true', "a")).toBe(false);
    expect(missing('"exact":"a","invert":true')).toBe(true);
  });
});

describe("path tests", () => {
  it("ignores query and fragment", () => {
    expect(path('"exact":"/a"', "/a?x=/b")).toBe(true);
    expect(path('"exact":"/a"', "/a#b?c")).toBe(true);
    expect(path('"suffix":".json"', "/a.json?x")).toBe(true);
    expect(path('"suffix":".json"', "/a?x.json")).toBe(false);
  });

  it("compares whole segments", () => {
    expect(path('"segments":"/api/v1"', "/api/v1")).toBe(true);
    expect(path('"segments":"/api/v1"', "/api/v1/orders")).toBe(true);
    expect(path('"segments":"/api/v1/"', "/api/v1")).toBe(true);
    expect(path('"segments":"/api/v1"', "/api/v10")).toBe(false);
    expect(path('"segments":"/"', "/anything")).toBe(true);
    expect(path('"prefix":"/api/v1"', "/api/v10")).toBe(true);
  });
});

describe("a whole match", () => {
  it("matches every request when it names nothing", () => {
    expect(matches("{}", [])).toBe(true);
  });

  it("requires everything that it names", () => {
    const document =
      '{"method":["GET","HEAD"],"path":{"prefix":"/a"},"query":[{"name":"q","exact":"1"}],"cookies":[{"name":"c","exact":"2"}]}';
    expect(matches(document, [":method= GET", ":path= /a?q=1", "cookie= c=2"])).toBe(true);
    expect(matches(document, [":method= POST", ":path= /a?q=1", "cookie= c=2"])).toBe(false);
    expect(matches(document, [":method= GET", ":path= /b?q=1", "cookie= c=2"])).toBe(false);
    expect(matches(document, [":method= GET", ":path= /a?q=2", "cookie= c=2"])).toBe(false);
    expect(matches(document, [":method= GET", ":path= /a?q=1", "cookie= c=3"])).toBe(false);
    expect(matches(document, [])).toBe(false);
  });

  it("takes the configured percentage", () => {
    expect(matches('{"percentage":12.5}', [], 1249)).toBe(true);
    expect(matches('{"percentage":12.5}', [], 1250)).toBe(false);
    expect(matches('{"percentage":0}', [], 0)).toBe(false);
    expect(matches('{"percentage":100}', [], 9999)).toBe(true);
    expect(matches('{"percentage":0.01}', [], 0)).toBe(true);
  });

  it("asks the host for a header once, and forgets it with the request", () => {
    const slots = new RequestSlots();
    const config = Config.parse(
      Bytes.of('{"headers":[{"name":"x-a","prefix":"a"},{"name":"x-a","suffix":"b"}]}'),
    );
    const match: RequestMatch = parseMatch(config.root, slots, RESERVED);
    const request = new ListedRequest(slots);
    request.start(["x-a= ab"]);
    expect(match.matches(request)).toBe(true);
    expect(request.fetched + request.walks).toBe(1);
    request.start([]);
    expect(match.matches(request)).toBe(false);
    expect(request.fetched + request.walks).toBe(2);
  });

  it("asks the host for the client's address once, known or not, and forgets it with the request", () => {
    const request = new ListedRequest(new RequestSlots());
    request.address = "192.0.2.1";
    request.start([]);
    for (let i = 0; i < 3; i++) expect(request.clientAddress()!.toString()).toBe("192.0.2.1");
    expect(request.fetched).toBe(1);
    request.address = "";
    request.start([]);
    for (let i = 0; i < 3; i++) expect(request.clientAddress()).toBe(null);
    expect(request.fetched).toBe(2);
  });
});

describe("a request with many tested headers", () => {
  it("is walked once, and a header is judged by all of its lines", () => {
    const slots = new RequestSlots();
    const config = Config.parse(
      Bytes.of(
        '{"headers":[{"name":"x-a","exact":"1,2"},{"name":"x-b","absent":true},{"name":"x-c","exact":"3"},{"name":"x-d","exact":""}]}',
      ),
    );
    const match = parseMatch(config.root, slots, RESERVED);
    const request = new ListedRequest(slots);
    request.start(["x-a= 1", "x-c= 3", "x-d= ", "x-a= 2", "x-e= 5"]);
    expect(match.matches(request)).toBe(true);
    expect(request.fetched).toBe(0);
    expect(request.walks).toBe(1);
    expect(request.count(slots.headers.slotOf(Bytes.of("x-a")))).toBe(2);
    expect(request.count(slots.headers.slotOf(Bytes.of("x-b")))).toBe(0);
    expect(request.walks).toBe(1);
    request.start([]);
    expect(match.matches(request)).toBe(false);
    expect(request.count(slots.headers.slotOf(Bytes.of("x-a")))).toBe(0);
    expect(request.walks).toBe(2);
  });

  it("is read header by header when the host returns no list", () => {
    const slots = new RequestSlots();
    const names = ["x-a", "x-b", "x-c", ":authority", "x-d"];
    for (let i = 0; i < names.length; i++) slots.header(Bytes.of(names[i]));
    const request = new ListedRequest(slots);
    request.refusesWalks = true;
    request.start(["x-b= 2", ":authority= A:80"]);
    expect(request.header(1)!.toString()).toBe("2");
    expect(request.header(0) == null).toBe(true);
    expect(request.count(1)).toBe(2);
    expect(request.count(0)).toBe(0);
    expect(request.header(slots.host)!.toString()).toBe("a");
  });
});

/** The value of a header, which costs one call. */
function linesOf(name: string, lines: Array<string>): string {
  const slots = new RequestSlots();
  const slot = slots.header(Bytes.of(name));
  const request = new ListedRequest(slots);
  request.start(lines);
  const value = request.header(slot);
  expect(request.fetched + request.walks).toBe(1);
  return value ? value.toString() : "none";
}

describe("the lines of one header", () => {
  it("are one value", () => {
    const names = ["accept-language", "baggage", "tracestate", "x-user"];
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      expect(linesOf(name, [])).toBe("none", name);
      expect(linesOf(name, [name + "= 1"])).toBe("1", name);
      expect(linesOf(name, [name + "= 1", "x-b= 2", name + "= 3", name + "= 4"])).toBe("1,3,4", name);
      expect(linesOf(name, [name + "= ", name + "= 1"])).toBe(",1", name);
    }
  });

  it("may be hundreds", () => {
    const lines: string[] = [];
    const values: string[] = [];
    for (let i = 0; i < 500; i++) {
      lines.push("baggage= value" + i.toString());
      values.push("value" + i.toString());
    }
    expect(linesOf("baggage", lines)).toBe(values.join(","));
  });

  it("are joined once, whether it was read alone before or not", () => {
    const slots = new RequestSlots();
    const user = slots.header(Bytes.of("x-user"));
    const cookie = slots.header(Bytes.of("cookie"));
    const request = new ListedRequest(slots);
    for (let i = 0; i < 2; i++) {
      request.start([]);
      expect(request.header(user) == null).toBe(true);
    }
    request.fetched = 0;
    request.start(["x-user= ann", "cookie= a=1", "x-user= ben", "cookie= b=2"]);
    expect(request.header(user)!.toString()).toBe("ann,ben");
    expect(request.fetched).toBe(1);
    expect(request.header(cookie)!.toString()).toBe("a=1; b=2");
    expect(request.count(user)).toBe(2);
    expect(request.header(user)!.toString()).toBe("ann,ben");
  });

  it("are forgotten with the request", () => {
    const slots = new RequestSlots();
    const slot = slots.header(Bytes.of("baggage"));
    const request = new ListedRequest(slots);
    request.start(["baggage= a", "baggage= b"]);
    expect(request.header(slot)!.toString()).toBe("a,b");
    request.start(["baggage= c"]);
    expect(request.header(slot)!.toString()).toBe("c");
    request.start([]);
    expect(request.header(slot) == null).toBe(true);
  });
});

/** How a test of a cookie ends, for the lines of cookies. */
function cookies(test: string, lines: Array<string>): bool {
  return matches('{"cookies":[{"name":"session",' + test + "}]}", lines);
}

describe("the lines of cookies", () => {
  it("are read in their order", () => {
    const isS1 = '"exact":"s1"';
    expect(cookies(isS1, ["cookie= x=1", "cookie= session=s1"])).toBe(true);
    expect(cookies(isS1, ["cookie= session=s1", "cookie= session=s2"])).toBe(true);
    expect(cookies(isS1, ["cookie= session=s2", "cookie= session=s1"])).toBe(false);
    expect(cookies(isS1, ["cookie= ", "cookie= ;", 'cookie= session="s1"'])).toBe(true);
    expect(cookies(isS1, ["cookie= sess", "cookie= ion=s1"])).toBe(false);
    expect(cookies('"absent":true', ["cookie= x=1", "cookie= y=2"])).toBe(true);
  });

  it("keep a comma within a value", () => {
    expect(cookies('"exact":"a,b"', ["cookie= session=a,b"])).toBe(true);
    expect(cookies('"exact":"a,b"', ["cookie= x=1,session=evil; y=2", "cookie= session=a,b"])).toBe(true);
    expect(cookies('"absent":true', ["cookie= x=1,session=evil"])).toBe(true);
  });

  it("cost one call", () => {
    const slots = new RequestSlots();
    const config = Config.parse(
      Bytes.of('{"cookies":[{"name":"session","exact":"s1"},{"name":"x","present":true}]}'),
    );
    const match = parseMatch(config.root, slots, RESERVED);
    const request = new ListedRequest(slots);
    request.start(["cookie= x=1", "cookie= session=s1"]);
    expect(match.matches(request)).toBe(true);
    request.start([]);
    expect(match.matches(request)).toBe(false);
    expect(request.walks).toBe(2);
    expect(request.fetched).toBe(0);
  });
});

function authority(test: string, sent: string): bool {
  return matches('{"headers":[{"name":":authority",' + test + "}]}", [":authority= " + sent]);
}

describe("tests of the authority", () => {
  it("are about the host, whatever its spelling", () => {
    const spellings = [
      "shop.example",
      "SHOP.Example",
      "shop.example:8080",
      "shop.example.",
      "u@shop.example",
    ];
    for (let i = 0; i < spellings.length; i++) {
      const sent = spellings[i];
      expect(authority('"exact":"shop.example"', sent)).toBe(true, sent);
      expect(authority('"exact":"Shop.Example."', sent)).toBe(true, sent);
      expect(authority('"oneOf":["a.example","SHOP.example"]', sent)).toBe(true, sent);
      expect(authority('"prefix":"Shop."', sent)).toBe(true, sent);
      expect(authority('"suffix":".Example"', sent)).toBe(true, sent);
      expect(authority('"suffix":".example."', sent)).toBe(true, sent);
      expect(authority('"contains":"P.E"', sent)).toBe(true, sent);
      expect(authority('"exact":"shop.example","invert":true', sent)).toBe(false, sent);
      expect(matches('{"headers":[{"name":"host","exact":"shop.example"}]}', [":authority= " + sent])).toBe(
        true,
      );
    }
    expect(authority('"exact":"shop.example"', "ashop.example")).toBe(false);
    expect(authority('"exact":"[::1]"', "[::1]:80")).toBe(true);
    expect(authority('"prefix":"[2001:DB8:"', "[2001:db8::1]:80")).toBe(true);
  });

  it("are about the port too where they name one", () => {
    expect(authority('"exact":"shop.example:8443"', "Shop.example:8443")).toBe(true);
    expect(authority('"exact":"shop.example:8443"', "shop.example.:8443")).toBe(true);
    expect(authority('"exact":"shop.example:8443"', "shop.example")).toBe(false);
    expect(authority('"exact":"shop.example:8443"', "shop.example:80")).toBe(false);
    expect(authority('"suffix":":8443"', "shop.example:8443")).toBe(true);
    expect(authority('"suffix":":8443"', "shop.example")).toBe(false);
    expect(authority('"oneOf":["a:1","B:2"]', "b:2")).toBe(true);
    expect(authority('"oneOf":["a:1","B:2"]', "b:1")).toBe(false);
    expect(errorOf('{"headers":[{"name":":authority","oneOf":["a:1","b"]}]}')).toBe(
      "headers[0].oneOf: must have a port in each of its texts, or in none",
    );
  });
});

describe("a match that is refused", () => {
  it("says where and why", () => {
    expect(errorOf('{"percentage":101}').startsWith("percentage: ")).toBe(true);
    expect(errorOf('{"percentage":0.001}')).toBe("percentage: must be a multiple of 0.01");
    expect(errorOf('{"path":{"segments":"api"}}')).toBe("path.segments: must begin with '/'");
    expect(errorOf('{"path":{}}').startsWith("path: needs exactly one of")).toBe(true);
    expect(
      errorOf('{"headers":[{"name":"x-a","exact":"a","prefix":"b"}]}').startsWith(
        "headers[0]: needs exactly",
      ),
    ).toBe(true);
    expect(errorOf('{"headers":[{"name":"X-A","exact":"a"}]}').startsWith("headers[0].name: ")).toBe(true);
    expect(
      errorOf('{"headers":[{"name":"x-mesh-destination","exact":"a"}]}').startsWith("headers[0].name: is"),
    ).toBe(true);
    expect(
      errorOf('{"headers":[{"name":"x-a","range":{"from":2,"to":1}}]}').startsWith("headers[0].range: "),
    ).toBe(true);
    expect(errorOf('{"method":"get"}')).toBe("method: must be a method in capitals");
    expect(errorOf('{"methods":"GET"}').startsWith("methods: unknown key")).toBe(true);
  });
});
