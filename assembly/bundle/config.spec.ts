import { Bytes } from "../text/bytes";
import { BundleConfig } from "./config";

const FILTERS: StaticArray<string> = ["a", "b-c"];

function divide(document: string): BundleConfig {
  return new BundleConfig(Bytes.of(document), FILTERS);
}

function part(document: string, index: i32): string {
  const config = divide(document);
  assert(config.error.length == 0, config.error);
  return config.parts[index].toString();
}

describe("BundleConfig", () => {
  it("gives each filter the exact bytes of its value, in the order of the chain", () => {
    const document = ' { "b-c" :  {"k": [1, 2 ,{"}":"\\"}"}] , "é":1.50e1 }\t, "a":-0 } ';
    expect(part(document, 0)).toBe("-0");
    expect(part(document, 1)).toBe('{"k": [1, 2 ,{"}":"\\"}"}] , "é":1.50e1 }');
  });

  it("accepts a key written with escapes, and a value of any kind", () => {
    expect(part('{"\\u0061":"x","b\\u002dc":null}', 0)).toBe('"x"');
    expect(part('{"a":[],"b-c":true}', 1)).toBe("true");
  });

  it("names the first filter that has no configuration", () => {
    expect(divide("").error).toBe("a: is required");
    expect(divide('{"a":{}}').error).toBe("b-c: is required");
  });

  it("names a key that does not belong to a filter", () => {
    expect(divide('{"a":{},"b-c":{},"b":{}}').error).toBe("b: unknown key; expected one of a, b-c");
    expect(divide('{"A":{}}').error).toBe("A: unknown key; expected one of a, b-c");
    expect(divide('{"":{}}').error).toBe('[""]: unknown key; expected one of a, b-c');
  });

  it("refuses a document that is not an object, is not JSON, or has a key twice", () => {
    expect(divide("null").error).toBe("configuration: must be an object");
    expect(divide('"a"').error).toBe("configuration: must be an object");
    expect(divide('{"a":{},"a":{},"b-c":{}}').error).toBe(
      "line 1, column 9: the object has this key already",
    );
    expect(divide('{"a":{},\n"b-c":}').error.startsWith("line 2, column 7: ")).toBe(true);
  });
});
