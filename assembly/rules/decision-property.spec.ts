import { Bytes } from "../text/bytes";
import { Config } from "../text/config";
import { parseExplainProperty } from "./decision-property";

/** The fault of a configuration with that property, or an empty text. */
function faultOf(name: string): string {
  const config = Config.parse(Bytes.of(`{"explainProperty":"${name}"}`));
  parseExplainProperty(config.root.get("explainProperty"), "probe");
  return config.error;
}

describe("the property of an explanation", () => {
  it("is a label", () => {
    expect(faultOf("mesh")).toBe("");
    expect(faultOf("mesh.decisions_2-a")).toBe("");
    expect(faultOf("")).not.toBe("");
    expect(faultOf("a b").includes("explainProperty")).toBe(true);
  });

  it("is not what a read would take for an attribute", () => {
    expect(faultOf("request").includes("must not be the name of an attribute of Envoy's")).toBe(true);
    expect(faultOf("xds")).not.toBe("");
    expect(faultOf("requests")).toBe("");
  });

  it("has items with the filter's name", () => {
    const config = Config.parse(Bytes.of('{"explainProperty":"mesh"}'));
    const property = parseExplainProperty(config.root.get("explainProperty"), "probe");
    expect(property!.item("rule:word").toString()).toBe("probe=rule:word");
  });
});
