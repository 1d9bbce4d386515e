import { endCallback } from "../../../assembly/abi/memory";
import { Bytes } from "../../../assembly/text/bytes";
import { ProtobufReader } from "../../../assembly/text/protobuf";
import { sequenceSize } from "../../../assembly/text/utf8";
import { DescriptorWriter, GlobalRule, LimitUnit, MAX_VALUE_SIZE } from "./request";

const PLAIN = new GlobalRule(0, LimitUnit.Unknown);

function raw(bytes: StaticArray<u8>): Bytes {
  const copy = Bytes.owned(bytes.length);
  memory.copy(copy.ptr, changetype<usize>(bytes), bytes.length);
  return copy;
}

/** Fields and their values. A field that `depth` says is a message is in braces. */
function shown(message: Bytes, depth: i32): string {
  const reader = new ProtobufReader(message);
  let text = "";
  while (reader.next()) {
    const bytes = reader.bytes;
    const isMessage = bytes.size > 0 && depth > 0 && bytes.at(0) < 0x20;
    const value = isMessage
      ? "{" + shown(bytes, depth - 1) + "}"
      : bytes.size > 0
        ? bytes.toString()
        : reader.integer.toString();
    text += `${reader.field}:${value} `;
  }
  expect(reader.failed).toBe(false);
  return text;
}

/** The value in a request with one descriptor of one entry. */
function sentValue(value: Bytes): Bytes {
  const writer = new DescriptorWriter(Bytes.of("d"));
  writer.begin();
  writer.entry(Bytes.of("k"), value);
  const descriptor = new ProtobufReader(writer.identify(PLAIN));
  expect(descriptor.next()).toBe(true);
  const entry = new ProtobufReader(descriptor.bytes);
  while (entry.next()) if (entry.field == 2) return entry.bytes.copy();
  return Bytes.of("(none)");
}

describe("DescriptorWriter", () => {
  afterEach(() => {
    endCallback();
  });

  it("writes a descriptor for each rule, with its entries, its limit and its cost", () => {
    const writer = new DescriptorWriter(Bytes.of("shop"));
    for (let round = 0; round < 2; round++) {
      writer.begin();
      writer.entry(Bytes.of("user"), Bytes.of("ann"));
      writer.entry(Bytes.of("path"), Bytes.of("/a"));
      writer.identify(PLAIN);
      writer.add(1);
      writer.entry(Bytes.of("all"), Bytes.of("x"));
      writer.identify(new GlobalRule(300, LimitUnit.Hour));
      writer.add(7);
      expect(shown(writer.finish(), 3)).toBe(
        "1:shop 2:{1:{1:user 2:ann } 1:{1:path 2:/a } } 2:{1:{1:all 2:x } 2:{1:300 2:3 } 3:{1:7 } } ",
      );
    }
  });

  it("writes a common cost to the request too, and a cost of 0 only to the descriptor", () => {
    const writer = new DescriptorWriter(Bytes.of("d"));
    writer.begin();
    writer.entry(Bytes.of("k"), Bytes.of("v"));
    writer.identify(PLAIN);
    writer.add(5);
    expect(shown(writer.finish(), 3)).toBe("1:d 2:{1:{1:k 2:v } 3:{1:5 } } 3:5 ");
    writer.begin();
    writer.entry(Bytes.of("k"), Bytes.of("v"));
    writer.identify(PLAIN);
    writer.add(0);
    expect(shown(writer.finish(), 3)).toBe("1:d 2:{1:{1:k 2:v } 3:{1:0 } } ");
  });

  it("forgets a descriptor that is dropped", () => {
    const writer = new DescriptorWriter(Bytes.of("d"));
    writer.begin();
    writer.entry(Bytes.of("gone"), Bytes.of("v"));
    writer.identify(PLAIN);
    writer.drop();
    writer.entry(Bytes.of("k"), Bytes.of("v"));
    writer.identify(PLAIN);
    writer.add(1);
    expect(shown(writer.finish(), 3)).toBe("1:d 2:{1:{1:k 2:v } } ");
  });

  it("tells descriptors apart by entries and limit", () => {
    const writer = new DescriptorWriter(Bytes.of("d"));
    writer.begin();
    writer.entry(Bytes.of("k"), Bytes.of("v"));
    const plain = writer.identify(PLAIN).copy();
    writer.drop();
    writer.entry(Bytes.of("k"), Bytes.of("v"));
    expect(writer.identify(new GlobalRule(5, LimitUnit.Day)).equals(plain)).toBe(false);
    writer.drop();
    writer.entry(Bytes.of("k"), Bytes.of("v"));
    expect(writer.identify(PLAIN).equals(plain)).toBe(true);
  });
});

describe("a value", () => {
  afterEach(() => {
    endCallback();
  });

  it("is sent as it is when it is UTF-8, and may be empty", () => {
    expect(sentValue(Bytes.of("größe 値")).toString()).toBe("größe 値");
    expect(sentValue(new Bytes(0, 0)).size).toBe(0);
    expect(sentValue(Bytes.of("x".repeat(MAX_VALUE_SIZE))).size).toBe(MAX_VALUE_SIZE);
  });

  it("has U+FFFD for each byte that is not UTF-8", () => {
    expect(sentValue(raw([0x61, 0xff, 0x62, 0xc0, 0xaf])).toString()).toBe("a\ufffdb\ufffd\ufffd");
    expect(sentValue(raw([0xe2, 0x82])).toString()).toBe("\ufffd\ufffd");
    for (let byte = 0x80; byte < 0x100; byte++) {
      const sent = sentValue(raw([0xc3, 0xa4, <u8>byte]));
      for (let at = 0; at < sent.size; ) {
        const size = sequenceSize(sent.ptr + at, sent.size - at);
        expect(size).toBeGreaterThan(0);
        at += max(1, size);
      }
    }
  });

  it("is sent as a hash when it is long, whatever its bytes", () => {
    const long = Bytes.of("x".repeat(MAX_VALUE_SIZE + 1));
    const sent = sentValue(long);
    expect(sent.toString().startsWith("siphash:")).toBe(true);
    expect(sent.size).toBe(40);
    expect(sentValue(long).equals(sent)).toBe(true);
    store<u8>(long.ptr + MAX_VALUE_SIZE, 0xff);
    expect(sentValue(long).equals(sent)).toBe(false);
    expect(sentValue(Bytes.owned(10 * 1024 * 1024)).size).toBe(40);
  });
});
