import { Bytes } from "../../assembly";
import { BUCKET_SIZE, countIn } from "./turn-bucket";
import { AfterEnd, TurnKind, Turns } from "./turns";

const NO_SEQUENCE: StaticArray<bool> = [];
const FAIL_FAIL_PASS: StaticArray<bool> = [true, true, false];

function turnsOf(kind: TurnKind, sequence: StaticArray<bool>, afterEnd: AfterEnd, number: u64): Turns {
  return new Turns(kind, sequence, afterEnd, number, null, false, Bytes.of(""));
}

/** What becomes of the first requests, `f` for those that fail. */
function first(count: i32, turns: Turns): string {
  let text = "";
  for (let i = 1; i <= count; i++) text += turns.includes(i) ? "f" : "p";
  return text;
}

describe("turns", () => {
  it("of a sequence are its own, and then what comes after it", () => {
    expect(first(7, turnsOf(TurnKind.Sequence, FAIL_FAIL_PASS, AfterEnd.Repeat, 0))).toBe("ffpffpf");
    expect(first(7, turnsOf(TurnKind.Sequence, FAIL_FAIL_PASS, AfterEnd.Pass, 0))).toBe("ffppppp");
    expect(first(7, turnsOf(TurnKind.Sequence, FAIL_FAIL_PASS, AfterEnd.Fail, 0))).toBe("ffpffff");
  });

  it("are the last of each so many, or a single one", () => {
    expect(first(7, turnsOf(TurnKind.Every, NO_SEQUENCE, AfterEnd.Repeat, 3))).toBe("ppfppfp");
    expect(first(3, turnsOf(TurnKind.Every, NO_SEQUENCE, AfterEnd.Repeat, 1))).toBe("fff");
    expect(first(7, turnsOf(TurnKind.Nth, NO_SEQUENCE, AfterEnd.Repeat, 3))).toBe("ppfpppp");
  });

  it("pass a request that has no number", () => {
    expect(turnsOf(TurnKind.Every, NO_SEQUENCE, AfterEnd.Repeat, 1).includes(0)).toBe(false);
    expect(turnsOf(TurnKind.Sequence, [true], AfterEnd.Repeat, 0).includes(0)).toBe(false);
  });
});

describe("a bucket of counts", () => {
  it("counts each key by itself", () => {
    const bucket = Bytes.owned(BUCKET_SIZE);
    let text = "";
    for (let i = 0; i < 8; i++) text += countIn(bucket.ptr, 1 + (i % 3)).toString();
    expect(text).toBe("11122233");
  });

  it("forgets the key that has not come for longest", () => {
    const bucket = Bytes.owned(BUCKET_SIZE);
    for (let key = 1; key <= 4; key++) countIn(bucket.ptr, key);
    expect(countIn(bucket.ptr, 1)).toBe(2);
    expect(countIn(bucket.ptr, 5)).toBe(1);
    expect(countIn(bucket.ptr, 1)).toBe(3);
    expect(countIn(bucket.ptr, 2)).toBe(1);
  });
});
