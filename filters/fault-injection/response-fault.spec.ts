import { BodyMeter, ResponseFault, UNLIMITED } from "./response-fault";

const START: u64 = 5_000_000_000;
const SECOND: u64 = 1_000_000_000;

function meter(truncateAfter: u32, bytesPerSecond: u32): BodyMeter {
  const body = new BodyMeter();
  body.begin(new ResponseFault(0, truncateAfter, bytesPerSecond), START);
  return body;
}

describe("a metered body", () => {
  it("passes whole, at once, when nothing limits it", () => {
    const body = meter(UNLIMITED, UNLIMITED);
    for (let i = 0; i < 5; i++) expect(body.admit(u32.MAX_VALUE)).toBe(u32.MAX_VALUE);
    expect(body.dueNs).toBe(START);
  });

  it("is cut in the middle of a piece, and nothing passes after that", () => {
    const body = meter(10, UNLIMITED);
    expect(body.admit(4)).toBe(4);
    expect(body.admit(0)).toBe(0);
    expect(body.admit(4)).toBe(4);
    expect(body.admit(4)).toBe(2);
    expect(body.admit(4)).toBe(0);
    expect(body.admit(u32.MAX_VALUE)).toBe(0);
    expect(meter(0, UNLIMITED).admit(1)).toBe(0);
  });

  it("is due when its bytes would have arrived at the rate", () => {
    const body = meter(UNLIMITED, 1000);
    expect(body.dueNs).toBe(START);
    body.admit(1);
    expect(body.dueNs).toBe(START + SECOND / 1000);
    body.admit(1499);
    expect(body.dueNs).toBe(START + SECOND + SECOND / 2);
    const slow = meter(UNLIMITED, 1);
    for (let i = 0; i < 100; i++) slow.admit(1 << 30);
    expect(slow.dueNs).toBe(START + 100 * <u64>(1 << 30) * SECOND);
  });

  it("waits only for the bytes that pass", () => {
    const body = meter(500, 1000);
    body.admit(5000);
    expect(body.dueNs).toBe(START + SECOND / 2);
  });

  it("starts again", () => {
    const body = meter(1, 1);
    body.admit(5);
    body.begin(new ResponseFault(0, 3, 10), START + 7);
    expect(body.dueNs).toBe(START + 7);
    expect(body.admit(5)).toBe(3);
  });
});
