import { Bytes } from "../text/bytes";
import { Explanation, MAX_EXPLANATION } from "./explanation";

describe("an explanation", () => {
  it("is a list of what was added", () => {
    const explanation = new Explanation();
    expect(explanation.text().size).toBe(0);
    explanation.add(Bytes.of("a;outcome=shadow-delayed"));
    expect(explanation.text().toString()).toBe("a;outcome=shadow-delayed");
    explanation.add(Bytes.of("b;outcome=aborted"));
    expect(explanation.text().toString()).toBe("a;outcome=shadow-delayed, b;outcome=aborted");
    explanation.clear();
    expect(explanation.text().size).toBe(0);
    explanation.add(Bytes.of("c"));
    expect(explanation.text().toString()).toBe("c");
  });

  it("ends with a whole item when more would be too long for a header", () => {
    const explanation = new Explanation();
    const item = "x".repeat(98);
    let expected = item;
    for (let i = 0; i < 1000; i++) explanation.add(Bytes.of(item));
    while (expected.length + 100 <= MAX_EXPLANATION) expected += ", " + item;
    expect(explanation.text().toString()).toBe(expected);
  });
});
