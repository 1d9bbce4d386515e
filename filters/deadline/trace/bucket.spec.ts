import { Bytes } from "../../../assembly/text/bytes";
import { NO_TIMEOUT } from "../../../assembly/text/timeout";
import { BUCKET_SIZE, ECHO_NS, NO_PLACE, OVER, recall, release, remember, revive } from "./bucket";

const NOW: u64 = 1_000_000_000_000;
const SECOND: u64 = 1_000_000_000;
const HIGH: u64 = 7;
const LOW: u64 = 8;
const bytes = Bytes.owned(BUCKET_SIZE);

function empty(): usize {
  memory.fill(bytes.ptr, 0, BUCKET_SIZE);
  return bytes.ptr;
}

describe("the table of traces", () => {
  it("knows the deadline of a trace, and of no other", () => {
    const bucket = empty();
    expect(recall(bucket, HIGH, LOW, NOW)).toBe(NO_TIMEOUT);
    expect(remember(bucket, HIGH, LOW, NOW + SECOND, NOW)).toBe(0);
    expect(recall(bucket, HIGH, LOW, NOW)).toBe(NOW + SECOND);
    expect(recall(bucket, HIGH, LOW + 1, NOW)).toBe(NO_TIMEOUT);
    expect(recall(bucket, HIGH + 1, LOW, NOW)).toBe(NO_TIMEOUT);
  });

  it("forgets a request that had its answer, and remembers the end of one that was cut off", () => {
    const bucket = empty();
    const first = remember(bucket, HIGH, LOW, NOW + SECOND, NOW);
    expect(release(bucket, HIGH, LOW, first, NOW + SECOND, NOW, false)).toBe(true);
    expect(recall(bucket, HIGH, LOW, NOW)).toBe(NO_TIMEOUT);
    const second = remember(bucket, HIGH, LOW, NOW + SECOND, NOW);
    expect(release(bucket, HIGH, LOW, second, NOW + SECOND, NOW, true)).toBe(true);
    expect(recall(bucket, HIGH, LOW, NOW)).toBe(OVER);
    expect(recall(bucket, HIGH, LOW, NOW + ECHO_NS)).toBe(OVER);
    expect(recall(bucket, HIGH, LOW, NOW + ECHO_NS + 1)).toBe(NO_TIMEOUT);
  });

  it("refuses the calls of a request whose time has passed", () => {
    const bucket = empty();
    remember(bucket, HIGH, LOW, NOW + SECOND, NOW);
    expect(recall(bucket, HIGH, LOW, NOW + SECOND - 1)).toBe(NOW + SECOND);
    expect(recall(bucket, HIGH, LOW, NOW + SECOND)).toBe(OVER);
  });

  it("takes the earliest of the moments of a trace's open requests", () => {
    const bucket = empty();
    const late = remember(bucket, HIGH, LOW, NOW + 3 * SECOND, NOW);
    const early = remember(bucket, HIGH, LOW, NOW + SECOND, NOW);
    expect(recall(bucket, HIGH, LOW, NOW)).toBe(NOW + SECOND);
    expect(recall(bucket, HIGH, LOW, NOW + 2 * SECOND)).toBe(NOW + 3 * SECOND);
    expect(release(bucket, HIGH, LOW, early, NOW + SECOND, NOW, false)).toBe(true);
    expect(recall(bucket, HIGH, LOW, NOW)).toBe(NOW + 3 * SECOND);
    expect(release(bucket, HIGH, LOW, late, NOW + 3 * SECOND, NOW, false)).toBe(true);
    expect(recall(bucket, HIGH, LOW, NOW)).toBe(NO_TIMEOUT);
  });

  it("counts requests with one moment", () => {
    const bucket = empty();
    const place = remember(bucket, HIGH, LOW, NOW + SECOND, NOW);
    expect(remember(bucket, HIGH, LOW, NOW + SECOND, NOW)).toBe(place);
    release(bucket, HIGH, LOW, place, NOW + SECOND, NOW, false);
    expect(recall(bucket, HIGH, LOW, NOW)).toBe(NOW + SECOND);
    release(bucket, HIGH, LOW, place, NOW + SECOND, NOW, false);
    expect(release(bucket, HIGH, LOW, place, NOW + SECOND, NOW, false)).toBe(false);
    expect(recall(bucket, HIGH, LOW, NOW)).toBe(NO_TIMEOUT);
  });

  it("never gives more time to the requests for which a trace has no place left", () => {
    const bucket = empty();
    for (let i = 2; i < 6; i++) remember(bucket, HIGH, LOW, NOW + i * SECOND, NOW);
    const joined = remember(bucket, HIGH, LOW, NOW + 9 * SECOND, NOW);
    expect(recall(bucket, HIGH, LOW, NOW + 4 * SECOND)).toBe(NOW + 5 * SECOND);
    const moved = remember(bucket, HIGH, LOW, NOW + SECOND, NOW);
    expect(recall(bucket, HIGH, LOW, NOW)).toBe(NOW + SECOND);
    expect(release(bucket, HIGH, LOW, moved, NOW + SECOND, NOW, false)).toBe(true);
    expect(release(bucket, HIGH, LOW, joined, NOW + 9 * SECOND, NOW, false)).toBe(true);
    expect(recall(bucket, HIGH, LOW, NOW)).toBe(NOW + SECOND);
  });

  it("does not let a request that ends late end another one", () => {
    const bucket = empty();
    const place = remember(bucket, HIGH, LOW, NOW + SECOND, NOW);
    const later = NOW + 2 * SECOND;
    expect(remember(bucket, HIGH, LOW, later + SECOND, later)).toBe(1);
    for (let i = 2; i < 5; i++) remember(bucket, HIGH, LOW, later + i * SECOND, later);
    expect(release(bucket, HIGH, LOW, place, NOW + SECOND, later, false)).toBe(false);
    expect(recall(bucket, HIGH, LOW, later)).toBe(later + SECOND);
  });

  it("remembers no more when it is full, until a deadline has passed", () => {
    const bucket = empty();
    for (let i = 0; i < 16; i++) {
      expect(remember(bucket, HIGH, 100 + i, NOW + (i + 1) * SECOND, NOW)).toBe(0);
    }
    expect(remember(bucket, HIGH, LOW, NOW + SECOND, NOW)).toBe(NO_PLACE);
    for (let i = 0; i < 16; i++) {
      expect(recall(bucket, HIGH, 100 + i, NOW)).toBe(NOW + (i + 1) * SECOND);
    }
    expect(remember(bucket, HIGH, LOW, NOW + 9 * SECOND, NOW + SECOND)).toBe(0);
    expect(recall(bucket, HIGH, 100, NOW + SECOND)).toBe(NO_TIMEOUT);
    expect(recall(bucket, HIGH, LOW, NOW + SECOND)).toBe(NOW + 9 * SECOND);
  });

  it("forgets what was cut off when a request without a deadline begins", () => {
    const bucket = empty();
    const place = remember(bucket, HIGH, LOW, NOW + SECOND, NOW);
    remember(bucket, HIGH, LOW, NOW + 2 * SECOND, NOW);
    release(bucket, HIGH, LOW, place, NOW + SECOND, NOW, true);
    expect(revive(bucket, HIGH, LOW, NOW)).toBe(true);
    expect(revive(bucket, HIGH, LOW, NOW)).toBe(false);
    expect(recall(bucket, HIGH, LOW, NOW)).toBe(NOW + 2 * SECOND);
    expect(revive(bucket, HIGH, 1, NOW)).toBe(false);
  });
});
