import { metricName } from "./metric-name";

describe("metricName", () => {
  it("writes labels into the name in their order", () => {
    expect(metricName("requests", [])).toBe("requests");
    expect(metricName("a.b_c", ["rule", "beta", "outcome", ""])).toBe("a.b_c;rule=beta;outcome=");
  });

  it("does not let a value look like a label", () => {
    expect(metricName("m", ["rule", "a;outcome=b"])).toBe("m;rule=a%3Boutcome%3Db");
    expect(metricName("m;x=y", ["a=b;c", "d"])).toBe("m%3Bx%3Dy;a%3Db%3Bc=d");
    expect(metricName("m", ["rule", "a%3Bb"])).toBe("m;rule=a%253Bb");
  });

  it("writes in hexadecimal what Envoy would change", () => {
    expect(metricName("m", ["rule", "a:b\0\r\n\x7fc"])).toBe("m;rule=a%3Ab%00%0D%0A%7Fc");
    expect(metricName("m", ["rule", "é €😀 /a.b-c"])).toBe("m;rule=é €😀 /a.b-c");
  });

  it("leaves out a label without a value", () => {
    expect(metricName("m", ["rule"])).toBe("m");
    expect(metricName("m", ["rule", "a", "outcome"])).toBe("m;rule=a");
  });
});
