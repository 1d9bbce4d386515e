import { Bytes } from "../../assembly";
import { MessageMeter } from "./message-meter";

/** Messages of these sizes, one after another, with their prefixes. */
function messages(sizes: StaticArray<i32>): Bytes {
  let total = 0;
  for (let i = 0; i < sizes.length; i++) total += 5 + sizes[i];
  const body = Bytes.owned(total);
  let at = body.ptr;
  for (let i = 0; i < sizes.length; i++) {
    store<u8>(at, 0);
    store<u32>(at + 1, bswap<u32>(sizes[i]));
    memory.fill(at + 5, 0xff, sizes[i]);
    at += 5 + sizes[i];
  }
  return body;
}

/** How many bytes pass when the body comes in pieces of that size. */
function admitted(body: Bytes, piece: i32, limit: u32): u32 {
  const meter = new MessageMeter();
  meter.begin(limit);
  let passed: u32 = 0;
  const view = new Bytes(0, 0);
  for (let at = 0; at < body.size; at += piece) {
    view.ptr = body.ptr + at;
    view.size = min(piece, body.size - at);
    passed += meter.admit(view);
  }
  return passed;
}

/** The number of the piece with which so many messages are whole; 0 if they never are. */
function piecesUntilFull(body: Bytes, piece: i32, limit: u32): i32 {
  const meter = new MessageMeter();
  meter.begin(limit);
  const view = new Bytes(0, 0);
  let number = 0;
  for (let at = 0; at < body.size; at += piece) {
    view.ptr = body.ptr + at;
    view.size = min(piece, body.size - at);
    number++;
    if (meter.skip(view.size)) continue;
    meter.admit(view);
    if (meter.isFull) return number;
  }
  return 0;
}

/** The prefix of a message that claims that size. */
function prefixOf(size: u32): Bytes {
  const prefix = Bytes.owned(5);
  store<u8>(prefix.ptr, 0);
  store<u32>(prefix.ptr + 1, bswap<u32>(size));
  return prefix;
}

describe("the messages of a gRPC body", () => {
  it("are whole, wherever the pieces end", () => {
    const body = messages([3, 0, 300, 70_000, 1]);
    const ends: StaticArray<u32> = [0, 8, 13, 318, 70_323, 70_329];
    const pieces: StaticArray<i32> = [1, 2, 5, 7, 64, 16_384, 1_000_000];
    for (let limit = 0; limit < ends.length; limit++) {
      for (let i = 0; i < pieces.length; i++) expect(admitted(body, pieces[i], limit)).toBe(ends[limit]);
    }
  });

  it("are all there when the last of them is whole", () => {
    const body = messages([3, 0, 300]);
    const ends: StaticArray<i32> = [8, 13, 318];
    const pieces: StaticArray<i32> = [1, 3, 5, 8, 64, 1000];
    for (let limit = 1; limit <= ends.length; limit++) {
      for (let i = 0; i < pieces.length; i++) {
        const piece = pieces[i];
        const last = (ends[limit - 1] + piece - 1) / piece;
        expect(piecesUntilFull(body, piece, limit)).toBe(last);
      }
      expect(piecesUntilFull(messages([3, 0, 300]), 1000, 4)).toBe(0);
    }
  });

  it("are skipped unread within a message, and no further", () => {
    const meter = new MessageMeter();
    meter.begin(1);
    expect(meter.skip(1)).toBe(false);
    meter.admit(prefixOf(0xffffffff));
    expect(meter.skip(0xfffffffe)).toBe(true);
    expect(meter.isFull).toBe(false);
    expect(meter.skip(1)).toBe(false);
    meter.admit(Bytes.of("x"));
    expect(meter.isFull).toBe(true);
  });

  it("pass all when there are fewer", () => {
    expect(admitted(messages([1, 2]), 3, 1_000_000_000)).toBe(13);
    expect(admitted(Bytes.owned(0), 1, 1)).toBe(0);
  });

  it("count a message that claims the largest size and breaks off as one", () => {
    const body = Bytes.owned(100);
    memory.fill(body.ptr, 0xff, 100);
    expect(admitted(body, 9, 1)).toBe(100);
    expect(admitted(body, 9, 0)).toBe(0);
  });
});
