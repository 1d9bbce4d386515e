import { Bytes } from "./bytes";
import { Config, ConfigNode } from "./config";

const NONE = Bytes.of("");

function root(document: string): ConfigNode {
  return Config.parse(Bytes.of(document)).root;
}

// The document under test and its fault: a callback cannot close over a local.
let config: Config = Config.parse(NONE);

function read(document: string): ConfigNode {
  config = Config.parse(Bytes.of(document));
  return config.root;
}

/** The error after the document was read; names are easier to compare than line numbers. */
function error(): string {
  return config.error;
}

/** The bytes of a text whose characters stand for one byte each. */
function latin1(text: string): Bytes {
  const bytes = Bytes.owned(text.length);
  for (let i = 0; i < text.length; i++) store<u8>(bytes.ptr + i, <u8>text.charCodeAt(i));
  return bytes;
}

describe("Config.parse", () => {
  it("reads an empty document as an empty object", () => {
    config = Config.parse(new Bytes(0, 0));
    expect(config.root.isObject).toBe(true);
    expect(config.root.objectLength).toBe(0);
    expect(config.failed).toBe(false);
    expect(error()).toBe("");
  });

  it("names a protobuf message, which a person took for JSON", () => {
    // {"rules": []} and {"a": 1, …} as a Struct; a long entry, whose size has two bytes; an Any.
    const list = "\n\x0d\n\x05rules\x12\x04\x32\x02\x0a\x00";
    const number = "\n\x0e\n\x01a\x12\x09\x11\0\0\0\0\0\0\x59\x40";
    const long = "\n\xad\x01\n\x05rules\x12\xa3\x01";
    for (let i = 0; i < 3; i++) {
      config = Config.parse(latin1([list, number, long][i]));
      expect(error().startsWith("a google.protobuf.Struct reaches a filter as bytes, not as JSON")).toBe(
        true,
      );
      expect(error().includes("google.protobuf.StringValue")).toBe(true);
    }
    config = Config.parse(latin1("\n\x05a.b/c\x12\x02{}"));
    expect(error().startsWith("a protobuf message reaches a filter as bytes")).toBe(true);
  });

  it("names YAML, and not what only begins like it", () => {
    const yaml = [
      "rules:\n- name: a",
      "rules: []",
      "\n  rules:\r\n",
      "- a",
      "---\na: 1",
      "# note\na: 1",
      "a:",
    ];
    for (let i = 0; i < yaml.length; i++) {
      read(yaml[i]);
      expect(error().includes("column")).toBe(true);
      expect(error().includes("looks like YAML")).toBe(true, yaml[i]);
    }
    const others = [
      "nul",
      "a:b",
      "-1x",
      "\n\n\nx",
      "\n\x0e\n\x01a",
      "\n",
      "{rules: 1}",
      "\n\xff\xff\xff\xff",
    ];
    for (let i = 0; i < others.length; i++) {
      config = Config.parse(latin1(others[i]));
      expect(error().startsWith("line ")).toBe(true, others[i]);
      expect(error().includes("looks like")).toBe(false, others[i]);
    }
  });

  it("says where a syntax error is, and then reads nothing", () => {
    const node = read('{\n  "a": 1,\n    "b": x\n}');
    expect(error()).toBe('line 3, column 10: expected a value, found "x"');
    expect(node.present).toBe(false);
    node.keys(["a"]);
    node.get("a").text(1, 2);
    expect(error()).toBe('line 3, column 10: expected a value, found "x"');
  });

  it("keeps the first fault and reads on harmlessly", () => {
    const node = read('{"a": 1, "b": "x"}');
    expect(node.get("a").text(0, 9).size).toBe(0);
    expect(node.get("b").integer(3, 9)).toBe(3);
    expect(node.get("b").integerOr(3, 9, 5)).toBe(3);
    expect(node.get("b").number(0.5, 1)).toBe(0.5);
    expect(node.get("b").numberOr(0.5, 1, 0.75)).toBe(0.5);
    expect(node.get("b").boolOr(true)).toBe(true);
    expect(node.get("b").oneOf(["p", "q"])).toBe(0);
    expect(node.get("b").array(0, 9)).toBe(0);
    expect(node.get("b").at(4).at(-1).get("c").present).toBe(false);
    expect(node.get("b").get("c").get("d").text(1, 1).size).toBe(0);
    expect(node.keyAt(-1).size).toBe(0);
    expect(node.valueAt(2).present).toBe(false);
    expect(error()).toBe("a: must be a string");
  });
});

describe("the path of a fault", () => {
  it("is `configuration` at the root", () => {
    read("[]").keys(["a"]);
    expect(error()).toBe("configuration: must be an object");
  });

  it("names keys and items", () => {
    const node = read('{"rules": [{"match": {"path": {"exact": "x"}}}]}');
    node.get("rules").at(0).get("match").get("path").get("exact").fail('must begin with "/"');
    expect(error()).toBe('rules[0].match.path.exact: must begin with "/"');
  });

  it("begins with an item when the root is an array", () => {
    read("[[1]]").at(0).at(0).text(0, 1);
    expect(error()).toBe("[0][0]: must be a string");
  });

  it("quotes unusual keys, so that none can forge a line of the log", () => {
    read('{"m": {"a.b": {"x\\n\\"\\\\\\u0000\\u0085é": 1}}}').get("m").valueAt(0).valueAt(0).fail("is wrong");
    expect(error()).toBe('m["a.b"]["x\\u000a\\"\\\\\\u0000\\u0085é"]: is wrong');
    read('{"": 1}').valueAt(0).fail("is wrong");
    expect(error()).toBe('[""]: is wrong');
    read('{"A_z-9": 1}').valueAt(0).fail("is wrong");
    expect(error()).toBe("A_z-9: is wrong");
  });

  it("cuts a long key, never inside a character", () => {
    read('{"' + "k".repeat(1000) + '": 1}')
      .valueAt(0)
      .fail("is wrong");
    expect(error()).toBe("k".repeat(64) + "…: is wrong");
    read('{"' + "kk" + "€".repeat(100) + '": 1}')
      .valueAt(0)
      .fail("is wrong");
    expect(error()).toBe('["kk' + "€".repeat(20) + '…"]: is wrong');
  });
});

describe("objects", () => {
  it("may be absent, and must not have unknown keys", () => {
    const node = read('{"rules": [{"matc": 1}]}');
    node.get("other").keys(["a"]);
    node.keys(["rules"]);
    expect(config.failed).toBe(false);
    node.get("rules").at(0).keys(["match", "name"]);
    expect(error()).toBe("rules[0].matc: unknown key; expected one of match, name");
  });

  it("must not be null, an array or a string", () => {
    const others: string[] = ["null", "[]", '"a"', "1", "true"];
    for (let i = 0; i < others.length; i++) {
      read(`{"a": ${others[i]}}`).get("a").keys(["b"]);
      expect(error()).toBe("a: must be an object");
      read(`{"a": ${others[i]}}`).get("a").get("b");
      expect(error()).toBe("a: must be an object");
      expect(read(`{"a": ${others[i]}}`).get("a").objectLength).toBe(0);
      expect(error()).toBe("a: must be an object");
    }
  });

  it("are read as a map in the order of the document", () => {
    const node = read('{"z": "1", "a": "2", "é": "3"}');
    expect(node.objectLength).toBe(3);
    expect(node.keyAt(0).toString()).toBe("z");
    expect(node.keyAt(2).toString()).toBe("é");
    expect(node.valueAt(1).text(1, 1).toString()).toBe("2");
    expect(node.get("é").text(1, 1).toString()).toBe("3");
  });
});

describe("arrays", () => {
  it("have a limited number of items", () => {
    const node = read('{"a": [1, 2, 3]}').get("a");
    expect(node.array(3, 3)).toBe(3);
    expect(node.at(2).integer(0, 9)).toBe(3);
    expect(node.at(3).present).toBe(false);
    expect(config.failed).toBe(false);
    expect(node.array(4, 9)).toBe(0);
    expect(error()).toBe("a: must have at least 4 items, not 3");
    expect(read("[1, 2]").array(0, 1)).toBe(0);
    expect(error()).toBe("configuration: must have at most 1 item, not 2");
  });

  it("must not be absent or null", () => {
    read("{}").get("a").array(0, 9);
    expect(error()).toBe("a: is required");
    read('{"a": null}').get("a").array(0, 9);
    expect(error()).toBe("a: must be an array");
    expect(read('{"a": {}}').get("a").array(0, 9)).toBe(0);
    expect(error()).toBe("a: must be an array");
    expect(read('{"a": {}}').get("a").at(0).present).toBe(false);
    expect(error()).toBe("a: must be an array");
  });
});

describe("texts", () => {
  it("are required, or have a default", () => {
    expect(root('{"a": "é"}').get("a").text(2, 2).toString()).toBe("é");
    expect(root("{}").get("a").textOr(Bytes.of("f"), 2, 2).toString()).toBe("f");
    read("{}").get("rules").at(0).get("name").text(1, 9);
    expect(error()).toBe("rules[0].name: is required");
    read('{"a": null}').get("a").textOr(NONE, 0, 9);
    expect(error()).toBe("a: must be a string");
  });

  it("have a limited size in bytes", () => {
    read('{"a": ""}').get("a").text(1, 9);
    expect(error()).toBe("a: must not be empty");
    read('{"a": "x"}').get("a").text(2, 9);
    expect(error()).toBe("a: must be at least 2 bytes long, not 1");
    read('{"a": "éé"}').get("a").textOr(NONE, 0, 3);
    expect(error()).toBe("a: must be at most 3 bytes long, not 4");
  });

  it("outlive the document", () => {
    const document = Bytes.of('{"a": "plain"}');
    const text = Config.parse(document).root.get("a").text(1, 9);
    memory.fill(document.ptr, 0x78, document.size);
    expect(text.toString()).toBe("plain");
  });
});

describe("numbers", () => {
  it("are whole when their value is whole", () => {
    expect(read('{"a": 1e2}').get("a").integer(0, 100)).toBe(100);
    expect(read('{"a": 1.0}').get("a").integer(0, 100)).toBe(1);
    expect(read('{"a": -0}').get("a").integer(0, 100)).toBe(0);
    expect(read('{"a": -5}').get("a").integerOr(-5, 5, 1)).toBe(-5);
    expect(read("{}").get("a").integerOr(0, 5, 9)).toBe(9);
    expect(read('{"a": 9007199254740992}').get("a").integer(0, i64.MAX_VALUE)).toBe(9007199254740992);
    expect(config.failed).toBe(false);
  });

  it("are refused when out of range, with a fraction, as a string or null", () => {
    const refused: string[] = ["101", "-1", "1.5", "1e-1", '"1"', "null", "true", "1e300", "-1e300", "[1]"];
    for (let i = 0; i < refused.length; i++) {
      read(`{"a": ${refused[i]}}`).get("a").integer(0, 100);
      expect(error()).toBe("a: must be a whole number from 0 to 100", refused[i]);
    }
    read('{"a": 9007199254740994}').get("a").integer(0, i64.MAX_VALUE);
    expect(config.failed).toBe(true);
    read("{}").get("a").integer(0, 100);
    expect(error()).toBe("a: is required");
  });

  it("may have a fraction", () => {
    expect(read('{"a": 12.34}').get("a").number(0, 100)).toBe(12.34);
    expect(read("{}").get("a").numberOr(0, 1, 0.25)).toBe(0.25);
    read('{"a": 100.01}').get("a").number(0.5, 100);
    expect(error()).toBe("a: must be a number from 0.5 to 100");
    read('{"a": "1"}').get("a").numberOr(-1.5, 1, 0);
    expect(error()).toBe("a: must be a number from -1.5 to 1");
    read("{}").get("a").number(0, 1);
    expect(error()).toBe("a: is required");
  });
});

describe("choices", () => {
  it("can be booleans", () => {
    expect(read('{"a": false}').get("a").boolOr(true)).toBe(false);
    expect(read("{}").get("a").boolOr(true)).toBe(true);
    expect(config.failed).toBe(false);
    expect(read('{"a": "true"}').get("a").boolOr(false)).toBe(false);
    expect(error()).toBe("a: must be true or false");
  });

  it("can be one of several words", () => {
    expect(read('{"a": "q"}').get("a").oneOf(["p", "q"])).toBe(1);
    expect(read("{}").get("a").oneOfOr(["p", "q"], 1)).toBe(1);
    expect(config.failed).toBe(false);
    read('{"a": "Q"}').get("a").oneOf(["p", "q"]);
    expect(error()).toBe("a: must be one of p, q");
    read('{"a": 0}').get("a").oneOfOr(["p", "q"], 1);
    expect(error()).toBe("a: must be one of p, q");
    read("{}").get("a").oneOf(["p"]);
    expect(error()).toBe("a: is required");
  });

  it("tell the kind of a value, or that it is absent", () => {
    const node = root('{"o": {}, "a": [], "t": "", "n": 0, "b": false, "z": null}');
    expect(node.get("o").isObject && !node.get("o").isArray).toBe(true);
    expect(node.get("a").isArray && !node.get("a").isObject).toBe(true);
    expect(node.get("t").isText && !node.get("t").isNumber).toBe(true);
    expect(node.get("n").isNumber && !node.get("n").isBool).toBe(true);
    expect(node.get("b").isBool && !node.get("b").isText).toBe(true);
    expect(node.get("z").present && !node.get("z").isText && !node.get("z").isObject).toBe(true);
    expect(node.get("x").present || node.get("x").isObject || node.get("x").isBool).toBe(false);
  });
});
