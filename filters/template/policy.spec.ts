import { Bytes } from "../../assembly/text/bytes";
import { Outcome, Policy } from "./policy";

describe("the policy", () => {
  it("lets a request pass that has one of the values", () => {
    const policy = new Policy([Bytes.of("one"), Bytes.of("two")]);
    expect(policy.decide(Bytes.of("one"))).toBe(Outcome.Allowed);
    expect(policy.decide(Bytes.of("two"))).toBe(Outcome.Allowed);
  });

  it("tells a request without a value from one with another", () => {
    const policy = new Policy([Bytes.of("one")]);
    expect(policy.decide(null)).toBe(Outcome.Missing);
    expect(policy.decide(Bytes.of(""))).toBe(Outcome.Unknown);
    expect(policy.decide(Bytes.of("One"))).toBe(Outcome.Unknown);
    expect(policy.decide(Bytes.of("one "))).toBe(Outcome.Unknown);
  });
});
