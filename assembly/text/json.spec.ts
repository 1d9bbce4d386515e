import { Bytes } from "./bytes";
import { JsonDocument, MAX_DEPTH, parseJson } from "./json";
import { JsonKind, JsonValue } from "./json-value";
import { MAX_DOCUMENT_SIZE } from "./limits";

function parse(text: string): JsonDocument {
  return parseJson(Bytes.of(text));
}

/** The value of a document that must be accepted. */
function value(text: string): JsonValue {
  return found(parse(text));
}

function found(document: JsonDocument): JsonValue {
  const parsed = document.value;
  expect(parsed).not.toBeNull(document.reason);
  return parsed ? parsed : new JsonValue(JsonKind.Null);
}

/** `line:column reason` of a document that must be refused. */
function refusal(text: string): string {
  return told(parse(text));
}

function told(document: JsonDocument): string {
  return document.value ? "accepted" : `${document.line}:${document.column} ${document.reason}`;
}

/** A JSON string with these bytes between its quotes. */
function quoted(bytes: StaticArray<u8>): Bytes {
  const text = Bytes.owned(bytes.length + 2);
  memory.fill(text.ptr, 0x22, text.size);
  memory.copy(text.ptr + 1, changetype<usize>(bytes), bytes.length);
  return text;
}

describe("values", () => {
  it("are words, with white space around", () => {
    expect(value("null").kind).toBe(JsonKind.Null);
    expect(value(" \t\r\ntrue\n").bool).toBe(true);
    expect(value("false").kind).toBe(JsonKind.Bool);
    expect(value("false").bool).toBe(false);
  });

  it("are arrays in order", () => {
    const array = value('[1, [ ], {}, "x"]');
    expect(array.kind).toBe(JsonKind.Array);
    expect(array.items.length).toBe(4);
    expect(array.items[1].kind).toBe(JsonKind.Array);
    expect(array.items[1].items.length).toBe(0);
    expect(array.items[2].kind).toBe(JsonKind.Object);
    expect(array.items[3].text.toString()).toBe("x");
  });

  it("are objects in order", () => {
    const object = value('{"z": 1, "a": {"b": [2]}, "": 3}');
    expect(object.items.length).toBe(3);
    expect(object.items[0].key.toString()).toBe("z");
    expect(object.items[2].key.size).toBe(0);
    expect(object.find(Bytes.of("b"))).toBeNull();
    expect(object.items[1].items[0].items[0].number).toBe(2);
  });

  it("own their memory", () => {
    const source = Bytes.of('{"key": ["plain", "esc\\u0061ped"]}');
    const document = parseJson(source);
    memory.fill(source.ptr, 0x78, source.size);
    const member = found(document).items[0];
    expect(member.key.toString()).toBe("key");
    expect(member.items[0].text.toString()).toBe("plain");
    expect(member.items[1].text.toString()).toBe("escaped");
  });
});

describe("structure", () => {
  it("refuses a document that is not exactly one value", () => {
    expect(refusal("")).toBe("1:1 expected a value, found the end of the document");
    expect(refusal(" \n ")).toBe("2:2 expected a value, found the end of the document");
    expect(refusal("1 2")).toBe('1:3 expected the end of the document, found "2"');
    expect(refusal("{} x")).toBe('1:4 expected the end of the document, found "x"');
    expect(refusal("{}\0")).toBe("1:3 expected the end of the document, found byte 0x00");
    expect(refusal("truex")).toBe('1:5 expected the end of the document, found "x"');
  });

  it("refuses commas and brackets out of place", () => {
    expect(refusal("[1,]")).toBe('1:4 expected a value, found "]"');
    expect(refusal("[,1]")).toBe('1:2 expected a value, found ","');
    expect(refusal("[1 2]")).toBe('1:4 expected "," or "]", found "2"');
    expect(refusal("[1}")).toBe('1:3 expected "," or "]", found "}"');
    expect(refusal("[")).toBe("1:2 expected a value, found the end of the document");
    expect(refusal("[1")).toBe('1:3 expected "," or "]", found the end of the document');
    expect(refusal('{"a":1,}')).toBe('1:8 expected a key in double quotes, found "}"');
    expect(refusal('{"a" 1}')).toBe('1:6 expected ":", found "1"');
    expect(refusal('{"a":1 "b":2}')).toBe('1:8 expected "," or "}", found \'"\'');
    expect(refusal("{a:1}")).toBe('1:2 expected a key in double quotes, found "a"');
    expect(refusal("{'a':1}")).toBe('1:2 expected a key in double quotes, found "\'"');
    expect(refusal('{"a":}')).toBe('1:6 expected a value, found "}"');
    expect(refusal("{")).toBe("1:2 expected a key in double quotes, found the end of the document");
  });

  it("refuses comments, other words and other white space", () => {
    const refused: string[] = [
      "// x\n1",
      "/* */1",
      "1 # x",
      "True",
      "nul",
      "NaN",
      "Infinity",
      "undefined",
      "\v1",
      "\f1",
      "\u00a01",
      "\u2028[]",
    ];
    for (let i = 0; i < refused.length; i++) expect(parse(refused[i]).value).toBeNull(refused[i]);
  });

  it("refuses a byte order mark", () => {
    expect(refusal("\uFEFF{}")).toBe("1:1 a byte order mark is not allowed");
    expect(value('"\uFEFF"').text.size).toBe(3);
  });

  it("refuses more than 64 levels", () => {
    expect(parse("[".repeat(MAX_DEPTH) + "]".repeat(MAX_DEPTH)).value).not.toBeNull();
    expect(refusal("[".repeat(MAX_DEPTH + 1) + "]".repeat(MAX_DEPTH + 1))).toBe(
      "1:65 nested deeper than 64 levels",
    );
    expect(refusal('{"a":'.repeat(MAX_DEPTH) + "[]" + "}".repeat(MAX_DEPTH))).toBe(
      "1:321 nested deeper than 64 levels",
    );
    expect(refusal("[".repeat(500_000))).toBe("1:65 nested deeper than 64 levels");
  });

  it("refuses more than a mebibyte", () => {
    expect(value(" ".repeat(MAX_DOCUMENT_SIZE - 1) + "1").number).toBe(1);
    expect(refusal(" ".repeat(MAX_DOCUMENT_SIZE) + "1")).toBe(
      "1:1 the document is larger than 1048576 bytes",
    );
  });

  it("says where: lines from 1, columns in characters", () => {
    expect(refusal('{\r\n  "a": 1,\r\n  b\r\n}')).toBe('3:3 expected a key in double quotes, found "b"');
    expect(refusal('["é€😀", x]')).toBe('1:9 expected a value, found "x"');
    expect(refusal('["\n"]')).toBe("1:3 a control character in a string must be escaped");
  });
});

describe("duplicate keys", () => {
  it("are refused, whatever their spelling", () => {
    expect(refusal('{"a": 1, "b": 2, "a": 3}')).toBe("1:18 the object has this key already");
    expect(refusal('{"a": 1, "\\u0061": 2}')).toBe("1:10 the object has this key already");
    expect(refusal('[{"": 1,\n "": 1}]')).toBe("2:2 the object has this key already");
  });

  it("are looked for within one object only, and compared whole", () => {
    expect(value('{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}').items.length).toBe(2);
    expect(value('{"a": 1, "A": 2, "aa": 3, "a\\u0000": 4, "\u00e1": 5, "a\u0301": 6}').items.length).toBe(6);
  });

  it("are found among 50,000 keys", () => {
    let text = '{"k0": 0';
    const parts = new Array<string>(50_000);
    for (let i = 0; i < parts.length; i++) parts[i] = `"k${i + 1}":0`;
    text += "," + parts.join(",");
    expect(value(text + "}").items.length).toBe(50_001);
    expect(refusal(text + ',"k25000":0}').endsWith("the object has this key already")).toBe(true);
  });
});

describe("strings", () => {
  it("are unescaped", () => {
    expect(value('"\\"\\\\\\/\\b\\f\\n\\r\\t"').text.toString()).toBe('"\\/\b\f\n\r\t');
    expect(value('"\\u0041\\u00e9\\u20AC\\ud83D\\uDe00"').text.toString()).toBe("Aé€😀");
    expect(value('"\\uFFFF\\uD800\\uDC00\\uDBFF\\uDFFF"').text.size).toBe(3 + 4 + 4);
    expect(value('"a\\u0000b"').text.size).toBe(3);
    expect(value('"\\u007f\x7f"').text.toString()).toBe("\x7f\x7f");
  });

  it("refuse bad escapes", () => {
    const refused: string[] = [
      "\\x41",
      "\\a",
      "\\'",
      "\\0",
      "\\U0041",
      "\\",
      "\\u",
      "\\u1",
      "\\u12",
      "\\u123",
      "\\u12g4",
      "\\u 123",
      "\\u+123",
      "\\u-001",
    ];
    for (let i = 0; i < refused.length; i++) {
      const told = refusal(`["${refused[i]}"]`);
      expect(told.startsWith("1:3 bad escape") || told.endsWith("is not closed")).toBe(true, told);
    }
  });

  it("refuse unpaired surrogates", () => {
    const refused: string[] = [
      "\\ud800",
      "\\udc00",
      "\\ud800x",
      "\\ud800\\n",
      "\\ud800\\ud800",
      "\\ud800\\u0041",
      "\\udc00\\ud800",
      "\\udc00\\udc00",
      "\\udbff\\ue000",
      "\\ud800\\\\udc00",
    ];
    for (let i = 0; i < refused.length; i++) {
      expect(refusal(`["${refused[i]}"]`)).toBe("1:3 an unpaired surrogate is not a character", refused[i]);
    }
  });

  it("refuse control characters", () => {
    for (let byte = 0; byte < 0x20; byte++) {
      expect(told(parseJson(quoted([<u8>byte])))).toBe("1:2 a control character in a string must be escaped");
    }
  });

  it("must be closed", () => {
    expect(refusal('["a')).toBe("1:2 the string that begins here is not closed");
    expect(refusal('["a\\"]')).toBe("1:2 the string that begins here is not closed");
    expect(refusal('"')).toBe("1:1 the string that begins here is not closed");
  });

  it("refuse invalid UTF-8", () => {
    const refused: StaticArray<u8>[] = [
      [0x80],
      [0xff],
      [0xc0, 0xaf],
      [0xc1, 0xbf],
      [0xe0, 0x9f, 0xbf],
      [0xf0, 0x8f, 0xbf, 0xbf],
      [0xed, 0xa0, 0x80],
      [0xed, 0xbf, 0xbf],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf5, 0x80, 0x80, 0x80],
      [0xc3],
      [0xe2, 0x82],
      [0xf0, 0x9f, 0x98],
    ];
    for (let i = 0; i < refused.length; i++) {
      expect(told(parseJson(quoted(refused[i])))).toBe("1:2 the string is not valid UTF-8");
    }
  });

  it("do not read a character beyond the end of the document", () => {
    const source = quoted([0x61, 0xe2, 0x82, 0xac]);
    for (let size = 1; size < source.size; size++) {
      expect(parseJson(new Bytes(source.ptr, size)).value).toBeNull();
    }
    expect(parseJson(source).value).not.toBeNull();
  });
});

describe("numbers", () => {
  it("agree with JavaScript's", () => {
    expect(value("0").number).toBe(0);
    expect(reinterpret<u64>(value("-0").number)).toBe(0x8000000000000000);
    expect(value("0.1").number).toBe(0.1);
    expect(value("12.34").number).toBe(12.34);
    expect(value("-12.5").number).toBe(-12.5);
    expect(value("1e2").number).toBe(100);
    expect(value("1E-2").number).toBe(0.01);
    expect(value("1.5e+3").number).toBe(1500);
    expect(value("0e9").number).toBe(0);
    expect(value("123456789.123").number).toBe(123456789.123);
    expect(value("9007199254740993").number).toBe(9007199254740992);
    expect(value("1e-999").number).toBe(0);
    expect(value("1e308").number).toBe(1e308);
  });

  it("are refused in any other form", () => {
    const refused: string[] = [
      "+1",
      ".5",
      "-.5",
      "1.",
      "1.e2",
      "-",
      "--1",
      "1e",
      "1e+",
      "1ee2",
      "1.2.3",
      "0x10",
      "1_000",
      "1a",
      "-Infinity",
      "-x",
      "٣",
    ];
    for (let i = 0; i < refused.length; i++) expect(parse(refused[i]).value).toBeNull(refused[i]);
    expect(refusal("[01]")).toBe("1:2 a number must not begin with 0");
    expect(refusal("-00.5")).toBe("1:1 a number must not begin with 0");
    expect(refusal("[1.]")).toBe('1:4 expected a digit, found "]"');
    expect(refusal("1e")).toBe("1:3 expected a digit, found the end of the document");
  });

  it("are refused beyond the range of a double", () => {
    expect(refusal("[1e999]")).toBe("1:2 the number is too large");
    expect(refusal("-1e309")).toBe("1:1 the number is too large");
    expect(refusal("9".repeat(400))).toBe("1:1 the number is too large");
    expect(refusal("1e99999999999999999999")).toBe("1:1 the number is too large");
  });
});

describe("any bytes", () => {
  it("are refused or accepted, and never trap", () => {
    const seed = Bytes.of(
      '{"a": [1, -2.5e3, "x\\u00e9\\ud83d\\ude00é€😀"], "b": {"c": null, "d": [true, false]}}',
    );
    let random: u32 = 1;
    let refused = 0;
    for (let round = 0; round < 3_000; round++) {
      const source = seed.copy();
      const edits = 1 + (round & 3);
      for (let i = 0; i < edits; i++) {
        random = random * 1664525 + 1013904223;
        store<u8>(source.ptr + ((random >> 16) % source.size), <u8>(random >> 8));
      }
      const document = parseJson(source);
      if (document.value == null) {
        refused++;
        expect(document.reason.length > 0 && document.line > 0 && document.column > 0).toBe(true);
      }
    }
    expect(refused).toBeGreaterThan(1_500);
    expect(refused).toBeLessThan(3_000);
  });
});
