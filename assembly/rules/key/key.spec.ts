import { Bytes } from "../../text/bytes";
import { Config } from "../../text/config";
import { ListedRequest } from "../request.fixture";
import { RequestSlots } from "../request-view";
import { KeyVocabulary, parseKey } from "./config";
import { RuleKey } from "./key";
import { KEY_PARTS, TARGET_PARTS } from "./limits";

const VOCABULARY = new KeyVocabulary(
  StaticArray.fromArray(KEY_PARTS.concat(TARGET_PARTS)),
  Bytes.of("x-destination"),
  true,
);
const SEED = Bytes.of("0123456789abcdef");

/** A key, and the requests that it is read from. */
class Reader {
  readonly key: RuleKey;
  readonly request: ListedRequest;

  constructor(document: string) {
    const slots = new RequestSlots();
    const config = Config.parse(Bytes.of(document));
    this.key = parseKey(config.root, slots, VOCABULARY);
    assert(!config.failed, config.error);
    this.request = new ListedRequest(slots);
  }

  /** The key's values, each in brackets; "missing" if one is missing. */
  read(lines: Array<string>, address: string = ""): string {
    this.request.address = address;
    this.request.start(lines);
    if (!this.key.read(this.request, SEED)) return "missing";
    let values = "";
    for (let i = 0; i < this.key.count; i++) values += "[" + this.key.value(i).toString() + "]";
    return values;
  }

  hash(lines: Array<string>): u64 {
    this.read(lines);
    return this.key.hash;
  }
}

describe("a key", () => {
  it("has each kind of part", () => {
    const lines: string[] = [
      ":method= PUT",
      ":path= /v1/users//7?q=a%20b&q=c",
      "cookie= a=1; uid=u7",
      "x-user= ann",
      "xds.route_name= orders",
      "xds.cluster_name= orders_v1",
      "x-destination= v1",
      "connection.uri_san_peer_certificate= spiffe://cluster.local/ns/a/sa/b",
      "metadata.filter_metadata.envoy.filters.http.jwt_authn.p.org.id= acme",
    ];
    expect(new Reader('[{"header":"x-user"}]').read(lines)).toBe("[ann]");
    expect(new Reader('[{"cookie":"uid"}]').read(lines)).toBe("[u7]");
    expect(new Reader('[{"query":"q"}]').read(lines)).toBe("[a b]");
    expect(new Reader('[{"pathSegment":0}]').read(lines)).toBe("[v1]");
    expect(new Reader('[{"pathSegment":1}]').read(lines)).toBe("[users]");
    expect(new Reader('[{"pathSegment":2}]').read(lines)).toBe("missing");
    expect(new Reader('[{"pathSegment":3}]').read(lines)).toBe("[7]");
    expect(new Reader('[{"pathSegment":4}]').read(lines)).toBe("missing");
    expect(new Reader('[{"method":true}]').read(lines)).toBe("[PUT]");
    expect(new Reader('[{"route":true}]').read(lines)).toBe("[orders]");
    expect(new Reader('[{"cluster":true},{"destination":true}]').read(lines)).toBe("[orders_v1][v1]");
    expect(new Reader('[{"principal":true}]').read(lines)).toBe("[spiffe://cluster.local/ns/a/sa/b]");
    expect(new Reader('[{"jwtClaim":{"payload":"p","claim":["org","id"]}}]').read(lines)).toBe("[acme]");
    expect(new Reader('[{"value":""}]').read(lines)).toBe("[]");
    expect(new Reader('[{"header":"x-user"},{"method":true}]').read(lines)).toBe("[ann][PUT]");
  });

  it("is missing when a part is absent, empty, or an identity that is not SPIFFE's", () => {
    expect(new Reader('[{"header":"x-user"}]').read([])).toBe("missing");
    expect(new Reader('[{"header":"x-user"}]').read(["x-user= "])).toBe("missing");
    expect(new Reader('[{"header":"x-user"},{"value":"a"}]').read([])).toBe("missing");
    expect(new Reader('[{"pathSegment":0}]').read([":path= *"])).toBe("missing");
    expect(new Reader('[{"pathSegment":0}]').read([":path= /"])).toBe("missing");
    expect(new Reader('[{"principal":true}]').read(["connection.uri_san_peer_certificate= https://a"])).toBe(
      "missing",
    );
    expect(new Reader('[{"clientAddress":true}]').read([])).toBe("missing");
  });

  it("is whole without a destination", () => {
    expect(new Reader('[{"destination":true}]').read([])).toBe("[]");
    expect(new Reader('[{"cluster":true},{"destination":true}]').read(["x-destination= v1"])).toBe("missing");
  });

  it("has a client's address, or its network", () => {
    expect(new Reader('[{"clientAddress":true}]').read([], "192.0.2.7")).toBe("[192.0.2.7]");
    expect(new Reader('[{"clientAddress":true}]').read([], "2001:db8:1:2:3::4")).toBe("[2001:db8:1:2::/64]");
    expect(new Reader('[{"clientAddress":true}]').read([], "::ffff:192.0.2.7")).toBe("[192.0.2.7]");
    expect(new Reader('[{"clientAddress":{"ipv4":24}}]').read([], "192.0.2.7")).toBe("[192.0.2.0/24]");
    expect(new Reader('[{"clientAddress":{"ipv6":128}}]').read([], "2001:DB8::4")).toBe("[2001:db8::4]");
    expect(new Reader('[{"clientAddress":true}]').read([], "/run/app.sock")).toBe("[/run/app.sock]");
  });

  it("hashes equal lists of values alike, and different lists differently", () => {
    const two = new Reader('[{"header":"a"},{"header":"b"}]');
    const hash = two.hash(["a= xy", "b= z"]);
    expect(two.hash(["a= xy", "b= z"])).toBe(hash);
    expect(two.hash(["a= x", "b= yz"])).not.toBe(hash);
    expect(two.hash(["a= z", "b= xy"])).not.toBe(hash);
    expect(two.hash(["a= xy"])).not.toBe(hash);
    expect(two.hash(["a= xy"])).toBe(two.hash(["b= z"]));
    expect(two.hash(["a= " + "x".repeat(10_000_000), "b= z"])).not.toBe(hash);
  });
});
