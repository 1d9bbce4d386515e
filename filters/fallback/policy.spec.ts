import { Bytes } from "../../assembly";
import { NETWORK_FAILURES } from "./limits";
import { isForwarded, Outcome, outcomeWords, ResponseFacts, ServePolicy } from "./policy";

@final
class ListedFacts extends ResponseFacts {
  constructor(
    private readonly text: string,
    private readonly bits: i64,
  ) {
    super();
  }

  flags(): i64 {
    return this.bits;
  }

  details(): Bytes | null {
    return this.text.length > 0 ? Bytes.of(this.text) : null;
  }
}

function policyOf(network: i32): ServePolicy {
  const policy = new ServePolicy([Bytes.of("circuit_open"), Bytes.of("fault")]);
  policy.addStatus(503);
  policy.addStatus(429);
  for (let i = 0; i < network; i++) policy.addNetwork(i);
  return policy;
}

/** The word of the reason, empty if the answer stays. */
function reason(
  status: i64,
  details: string,
  flags: i64 = 0,
  network: i32 = NETWORK_FAILURES.length,
): string {
  const policy = policyOf(network);
  const found = policy.reasonFor(status, new ListedFacts(details, flags));
  return found < 0 ? "" : policy.reasonWords()[found];
}

describe("a kept answer takes the place of", () => {
  it("a listed status of the upstream, and no other", () => {
    expect(reason(503, "via_upstream")).toBe("status");
    expect(reason(429, "via_upstream")).toBe("status");
    expect(reason(500, "via_upstream")).toBe("");
    expect(reason(200, "via_upstream")).toBe("");
    expect(reason(0, "via_upstream")).toBe("");
    expect(reason(999, "via_upstream")).toBe("");
  });

  it("what Envoy reports of an upstream", () => {
    expect(reason(503, "upstream_reset{connection_failure}", 1 << 5)).toBe("refused");
    expect(reason(503, "upstream_reset{x}", 1 << 6)).toBe("reset");
    expect(reason(504, "response_timeout", 1 << 2)).toBe("timeout");
    expect(reason(503, "no_healthy_upstream", 1 << 1)).toBe("noHealthyHost");
    expect(reason(503, "overflow", 1 << 7)).toBe("overflow");
    expect(reason(503, "overflow", 1 << 7, NETWORK_FAILURES.length - 1)).toBe("");
  });

  it("a listed answer of another filter, and no other", () => {
    expect(reason(503, "circuit_open{orders}")).toBe("circuit_open");
    expect(reason(503, "circuit_open")).toBe("circuit_open");
    expect(reason(503, "fault{a{b}}")).toBe("fault");
    expect(reason(503, "circuit_opened{orders}")).toBe("");
    expect(reason(503, "circuit")).toBe("");
    expect(reason(503, "ext_authz_error")).toBe("");
    expect(reason(403, "ext_authz_denied")).toBe("");
    expect(reason(404, "route_not_found", 1 << 8)).toBe("");
    expect(reason(503, "")).toBe("");
    expect(reason(200, "circuit_open{orders}")).toBe("");
  });
});

describe("the words of outcomes", () => {
  it("are one for each outcome and reason", () => {
    const policy = policyOf(0);
    const words = outcomeWords(policy.reasonWords());
    expect(words.length).toBe(Outcome.Served + 1 + NETWORK_FAILURES.length + 2);
    expect(words[Outcome.Served]).toBe("served-status");
    expect(words[Outcome.Meanwhile]).toBe("served-meanwhile");
    expect(words[words.length - 1]).toBe("served-fault");
  });

  it("tell requests that had gone on from refused ones", () => {
    const policy = policyOf(0);
    expect(isForwarded(policy.reasonFor(503, new ListedFacts("via_upstream", 0)))).toBe(true);
    expect(isForwarded(policy.reasonFor(503, new ListedFacts("fault{x}", 0)))).toBe(false);
  });
});
