import { Bytes } from "../../../assembly/text/bytes";
import { hash64 } from "../../../assembly/text/hash";
import { ProtobufWriter } from "../../../assembly/text/protobuf";
import { DescriptorStatus, ServiceAnswer } from "./answer";

const SECOND: u64 = 1_000_000_000;

const statuses: Array<DescriptorStatus> = [
  new DescriptorStatus(),
  new DescriptorStatus(),
  new DescriptorStatus(),
];
const answer = new ServiceAnswer();

function message(fields: StaticArray<u64>): Bytes {
  const writer = new ProtobufWriter();
  for (let i = 0; i < fields.length; i += 2) writer.integer(<u32>fields[i], fields[i + 1]);
  return writer.finish().copy();
}

/** A whole answer with a code, and a status for each of `codes`. */
function verdict(code: u64, codes: StaticArray<u64>): Bytes {
  const writer = new ProtobufWriter();
  writer.integer(1, code);
  for (let i = 0; i < codes.length; i++) writer.bytes(2, message([1, codes[i]]));
  return writer.finish().copy();
}

function readStatus(fields: StaticArray<u64>, inner: u32, innerFields: StaticArray<u64>): bool {
  const status = new ProtobufWriter();
  for (let i = 0; i < fields.length; i += 2) status.integer(<u32>fields[i], fields[i + 1]);
  status.bytes(inner, message(innerFields));
  return statuses[0].read(status.finish());
}

describe("DescriptorStatus", () => {
  it("has the limit, its unit, the remaining requests and the end of its window", () => {
    expect(readStatus([1, 2, 3, 4], 2, [1, 100, 2, 4])).toBe(true);
    expect(statuses[0].over).toBe(true);
    expect(statuses[0].limit).toBe(100);
    expect(statuses[0].unitSeconds).toBe(86_400);
    expect(statuses[0].remaining).toBe(4);
    expect(statuses[0].resetNs).toBe(0);
    expect(readStatus([1, 1], 4, [1, 3, 2, 5])).toBe(true);
    expect(statuses[0].over).toBe(false);
    expect(statuses[0].limit).toBe(0);
    expect(statuses[0].resetNs).toBe(3 * SECOND + 5);
  });

  it("does not accept units of later protocols, or numbers of more than 32 bits", () => {
    expect(readStatus([1, 1, 3, u64.MAX_VALUE], 2, [1, u64.MAX_VALUE, 2, 99])).toBe(true);
    expect(statuses[0].unitSeconds).toBe(0);
    expect(statuses[0].limit).toBe(u32.MAX_VALUE);
    expect(statuses[0].remaining).toBe(u32.MAX_VALUE);
  });

  it("does not accept a time in the past or far in the future, or nanoseconds beyond a second", () => {
    for (let i = 0; i < 4; i++) {
      const fields: Array<StaticArray<u64>> = [
        [1, <u64>-1],
        [1, u64.MAX_VALUE >> 1],
        [1, 5, 2, SECOND],
        [1, 5, 2, <u64>-1],
      ];
      expect(readStatus([1, 2], 4, fields[i])).toBe(true);
      expect(statuses[0].resetNs).toBe(0);
    }
  });

  it("is invalid without a known code", () => {
    expect(statuses[0].read(message([]))).toBe(false);
    expect(statuses[0].read(message([1, 0]))).toBe(false);
    expect(statuses[0].read(message([1, 3]))).toBe(false);
    expect(statuses[0].read(message([1, 0x100000001]))).toBe(false);
    expect(readStatus([3, 1], 1, [1, 1])).toBe(false);
  });
});

describe("ServiceAnswer", () => {
  it("gives each descriptor its own status", () => {
    expect(answer.read(verdict(2, [1, 2, 1]), statuses, 3)).toBe(true);
    expect(answer.over).toBe(true);
    expect(statuses[0].over).toBe(false);
    expect(statuses[1].over).toBe(true);
    expect(statuses[2].over).toBe(false);
  });

  it("follows the overall code when there are no statuses, or they contradict it", () => {
    expect(answer.read(verdict(2, []), statuses, 2)).toBe(true);
    expect(statuses[0].over && statuses[1].over).toBe(true);
    expect(answer.read(verdict(1, []), statuses, 2)).toBe(true);
    expect(statuses[0].over || statuses[1].over).toBe(false);
    expect(answer.read(verdict(1, [2, 1]), statuses, 2)).toBe(true);
    expect(statuses[0].over).toBe(false);
    expect(answer.read(verdict(2, [1, 1]), statuses, 2)).toBe(true);
    expect(statuses[0].over && statuses[1].over).toBe(true);
  });

  it("is invalid with a wrong number of statuses, or without a known code", () => {
    expect(answer.read(verdict(1, [1]), statuses, 2)).toBe(false);
    expect(answer.read(verdict(1, [1, 1, 1]), statuses, 2)).toBe(false);
    expect(answer.read(verdict(0, [1]), statuses, 1)).toBe(false);
    expect(answer.read(verdict(3, [1]), statuses, 1)).toBe(false);
    expect(answer.read(verdict(1, [0]), statuses, 1)).toBe(false);
    expect(answer.read(new Bytes(0, 0), statuses, 1)).toBe(false);
  });

  it("finds the other fields that are used", () => {
    const writer = new ProtobufWriter();
    writer.integer(1, 1);
    expect(answer.read(writer.finish(), statuses, 1)).toBe(true);
    expect(answer.isNeeded).toBe(false);
    writer.bytes(3, message([]));
    expect(answer.read(writer.finish(), statuses, 1)).toBe(true);
    expect(answer.hasResponseHeaders && !answer.hasRequestHeaders && !answer.hasBody).toBe(true);
    writer.bytes(4, message([]));
    writer.bytes(5, Bytes.of("over"));
    expect(answer.read(writer.finish(), statuses, 1)).toBe(true);
    expect(answer.hasRequestHeaders && answer.hasBody).toBe(true);
    writer.integer(1, 7);
    expect(answer.read(writer.finish(), statuses, 1)).toBe(false);
    expect(answer.isNeeded).toBe(false);
  });

  it("accepts any bytes, and an answer cut anywhere, without a trap", () => {
    const whole = new ProtobufWriter();
    whole.integer(1, 2);
    const status = new ProtobufWriter();
    status.integer(1, 2);
    status.bytes(2, message([1, 5, 2, 1]));
    status.bytes(4, message([1, 60, 2, 5]));
    whole.bytes(2, status.finish());
    whole.bytes(3, message([1, 1]));
    const bytes = whole.finish();
    for (let size = 0; size < bytes.size; size++) answer.read(new Bytes(bytes.ptr, size), statuses, 1);
    let random: u64 = 1;
    for (let round = 0; round < 200_000; round++) {
      const changed = bytes.copy();
      for (let i = 0; i < 3; i++) {
        random = hash64(random, bytes.ptr, bytes.size);
        store<u8>(changed.ptr + <i32>(random % <u64>changed.size), <u8>(random >> 32));
      }
      answer.read(changed, statuses, 1);
    }
  });
});
