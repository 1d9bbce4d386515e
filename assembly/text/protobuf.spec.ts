import { Bytes } from "./bytes";
import { ProtobufReader, ProtobufWriter } from "./protobuf";

function raw(bytes: StaticArray<u8>): Bytes {
  const copy = Bytes.owned(bytes.length);
  memory.copy(copy.ptr, changetype<usize>(bytes), bytes.length);
  return copy;
}

function shown(message: Bytes): string {
  const reader = new ProtobufReader(message);
  let text = "";
  while (reader.next()) text += `${reader.field}=${reader.integer}/${reader.bytes.toString()};`;
  expect(reader.next()).toBe(false);
  return reader.failed ? text + "failed" : text;
}

describe("ProtobufWriter", () => {
  it("writes what the format's own examples have", () => {
    const writer = new ProtobufWriter();
    writer.integer(1, 150);
    expect(writer.finish().equals(raw([0x08, 0x96, 0x01]))).toBe(true);
    writer.clear();
    writer.bytes(2, Bytes.of("testing"));
    expect(writer.finish().equals(raw([0x12, 7, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]))).toBe(true);
  });

  it("writes fields of any number and size, which a reader reads back", () => {
    const writer = new ProtobufWriter();
    const long = Bytes.of("x".repeat(100_000));
    writer.integer(1, u64.MAX_VALUE);
    writer.bytes(536870911, Bytes.of(""));
    writer.bytes(16, long);
    writer.integer(3, 0);
    const reader = new ProtobufReader(writer.finish());
    expect(reader.next()).toBe(true);
    expect(reader.integer).toBe(u64.MAX_VALUE);
    expect(reader.next()).toBe(true);
    expect(reader.field).toBe(536870911);
    expect(reader.bytes.size).toBe(0);
    expect(reader.next()).toBe(true);
    expect(reader.bytes.equals(long)).toBe(true);
    expect(reader.next()).toBe(true);
    expect(reader.field).toBe(3);
    expect(reader.next()).toBe(false);
    expect(reader.failed).toBe(false);
  });
});

describe("ProtobufReader", () => {
  it("reads fixed sizes too, and nothing from an empty message", () => {
    expect(shown(raw([0x0d, 1, 0, 0, 0, 0x11, 2, 0, 0, 0, 0, 0, 0, 0]))).toBe("1=1/;2=2/;");
    expect(shown(new Bytes(0, 0))).toBe("");
  });

  it("reads one message after another, also after a broken one", () => {
    const reader = new ProtobufReader(raw([0x08]));
    expect(reader.next()).toBe(false);
    expect(reader.failed).toBe(true);
    reader.begin(raw([0x08, 1, 0x12, 1, 0x61]));
    expect(reader.failed).toBe(false);
    expect(reader.next()).toBe(true);
    expect(reader.integer).toBe(1);
    reader.begin(raw([0x10, 2]));
    expect(reader.next()).toBe(true);
    expect(reader.field).toBe(2);
    expect(reader.integer).toBe(2);
    expect(reader.next()).toBe(false);
  });

  it("ends when a size points out of the message, or a number does not end", () => {
    expect(shown(raw([0x0a, 2, 0x61]))).toBe("failed");
    expect(shown(raw([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]))).toBe("failed");
    expect(shown(raw([0x08, 1, 0x0a, 0x80]))).toBe("1=1/;failed");
    expect(shown(raw([0x08, 0x80]))).toBe("failed");
    expect(shown(raw([0x08]))).toBe("failed");
    expect(shown(raw([0x0d, 1, 0, 0]))).toBe("failed");
    const endless = new StaticArray<u8>(12);
    endless.fill(0xff);
    expect(shown(raw(endless))).toBe("failed");
  });

  it("ends at an unknown wire type", () => {
    for (let type = 3; type < 8; type++) {
      if (type != 5) expect(shown(raw([<u8>(8 | type), 0, 0, 0, 0, 0, 0, 0, 0]))).toBe("failed");
    }
  });
});
