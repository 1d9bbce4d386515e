import { RequestMatch } from "../../assembly/rules/request-match";
import { RuleSelection, Share } from "../../assembly/rules/rule-selection";
import { Bytes } from "../../assembly/text/bytes";
import { NO_TIMEOUT } from "../../assembly/text/timeout";
import { Outcome, RulePolicy, Source } from "./policy";

const MS: u64 = 1_000_000;

function rule(fallback: u64, most: u64, margin: u64 = 0): RulePolicy {
  const selection = new RuleSelection(Bytes.of("r"), new RequestMatch(), new Share(10_000, null, 0), false);
  return new RulePolicy(selection, fallback, most, margin, 0);
}

describe("a rule", () => {
  it("leaves a request what it brought", () => {
    const policy = rule(NO_TIMEOUT, 1000 * MS);
    expect(policy.decide(300 * MS, Source.Request, NO_TIMEOUT)).toBe(Outcome.Passed);
    expect(policy.allowedMs).toBe(300);
    expect(policy.decide(300 * MS, Source.Trace, NO_TIMEOUT)).toBe(Outcome.Recalled);
    expect(policy.decide(1000 * MS, Source.Request, NO_TIMEOUT)).toBe(Outcome.Passed);
  });

  it("shortens what is more than it allows", () => {
    const policy = rule(NO_TIMEOUT, 1000 * MS);
    expect(policy.decide(1000 * MS + 1, Source.Request, NO_TIMEOUT)).toBe(Outcome.Shortened);
    expect(policy.allowedMs).toBe(1000);
    expect(policy.decide(NO_TIMEOUT - 1, Source.Trace, NO_TIMEOUT)).toBe(Outcome.Shortened);
  });

  it("gives its own time to a request without a deadline, or none", () => {
    const policy = rule(200 * MS, 1000 * MS, 50 * MS);
    expect(policy.decide(NO_TIMEOUT, Source.Request, NO_TIMEOUT)).toBe(Outcome.Started);
    expect(policy.allowedMs).toBe(200);
    const none = rule(NO_TIMEOUT, 1000 * MS);
    expect(none.decide(NO_TIMEOUT, Source.Request, 5 * MS)).toBe(Outcome.Unbounded);
    expect(none.allowedMs).toBe(0);
  });

  it("takes the margin off what was brought, before it compares", () => {
    const policy = rule(NO_TIMEOUT, 1000 * MS, 50 * MS);
    expect(policy.decide(1050 * MS, Source.Request, NO_TIMEOUT)).toBe(Outcome.Passed);
    expect(policy.allowedMs).toBe(1000);
    expect(policy.decide(51 * MS, Source.Request, NO_TIMEOUT)).toBe(Outcome.Passed);
    expect(policy.allowedMs).toBe(1);
    expect(policy.decide(50 * MS, Source.Request, NO_TIMEOUT)).toBe(Outcome.Expired);
  });

  it("calls less than a millisecond over, because 0 is no limit to the router", () => {
    const policy = rule(NO_TIMEOUT, 1000 * MS);
    expect(policy.decide(MS, Source.Request, NO_TIMEOUT)).toBe(Outcome.Passed);
    expect(policy.decide(MS - 1, Source.Request, NO_TIMEOUT)).toBe(Outcome.Expired);
    expect(policy.allowedMs).toBe(0);
    expect(policy.decide(0, Source.Request, NO_TIMEOUT)).toBe(Outcome.Expired);
  });

  it("does not give the router more than something else has given it", () => {
    const policy = rule(200 * MS, 1000 * MS);
    expect(policy.decide(300 * MS, Source.Request, 100 * MS)).toBe(Outcome.Passed);
    expect(policy.allowedMs).toBe(100);
    expect(policy.decide(NO_TIMEOUT, Source.Request, 100 * MS)).toBe(Outcome.Started);
    expect(policy.allowedMs).toBe(100);
  });

  it("knows when its own time is longer than the caller waits", () => {
    const policy = rule(200 * MS, 1000 * MS);
    expect(policy.outlasts(199 * MS)).toBe(true);
    expect(policy.outlasts(200 * MS)).toBe(false);
    expect(policy.outlasts(NO_TIMEOUT)).toBe(false);
    expect(rule(NO_TIMEOUT, 1000 * MS).outlasts(1)).toBe(false);
  });
});
