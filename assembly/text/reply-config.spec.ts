import { Bytes } from "./bytes";
import { Config } from "./config";
import { parseBody, parseContentType, parseHeaderValue } from "./reply-config";

function root(document: string): Config {
  return Config.parse(Bytes.of(document));
}

describe("a configured reply", () => {
  it("has a body, or an empty one", () => {
    const config = root('{"body":"no é"}');
    expect(parseBody(config.root.get("body")).toString()).toBe("no é");
    expect(parseBody(config.root.get("none")).size).toBe(0);
    expect(config.error).toBe("");
  });

  it("has a content type of printable ASCII, or Envoy's", () => {
    const config = root('{"type":"application/json; x=1"}');
    expect(parseContentType(config.root.get("type"))!.toString()).toBe("application/json; x=1");
    expect(parseContentType(config.root.get("none"))).toBe(null);
    expect(config.error).toBe("");
    const wrong: StaticArray<string> = ["text/\\u0000plain", "téxt/plain", "a\\tb", "a\\u007f"];
    for (let i = 0; i < wrong.length; i++) {
      const refused = root('{"type":"' + wrong[i] + '"}');
      parseContentType(refused.root.get("type"));
      expect(refused.error).toBe("type: must be printable ASCII");
    }
  });

  it("has header values that every peer reads as one line", () => {
    const allowed: StaticArray<string> = ["", "a b", "é", "a\\tb"];
    for (let i = 0; i < allowed.length; i++) {
      const config = root('{"value":"' + allowed[i] + '"}');
      parseHeaderValue(config.root.get("value"));
      expect(config.error).toBe("", allowed[i]);
    }
    const wrong: StaticArray<string> = ["\\u0000", "a\\r", "a\\nb", "\\u0001", "\\u001f", "\\u007f"];
    for (let i = 0; i < wrong.length; i++) {
      const config = root('{"value":"' + wrong[i] + '"}');
      parseHeaderValue(config.root.get("value"));
      expect(config.error).toBe("value: must have no control characters but tabs", wrong[i]);
    }
  });
});
