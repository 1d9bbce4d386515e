import { Bytes } from "../../text/bytes";
import { Address, MAX_ADDRESS_TEXT } from "./address";
import { AddressRanges } from "./address-ranges";

/** The address as it is written again after reading; "-" if the text is not an address. */
function written(text: string, bits: i32 = 128): string {
  const address = new Address();
  if (!address.read(Bytes.of(text))) return "-";
  address.mask(bits);
  const room = Bytes.owned(MAX_ADDRESS_TEXT);
  room.size = address.write(room.ptr);
  return room.toString();
}

function has(ranges: string, address: string): bool {
  const list = new AddressRanges();
  const texts = ranges.split(" ");
  for (let i = 0; i < texts.length; i++) assert(list.add(Bytes.of(texts[i])), texts[i]);
  list.settle();
  const read = new Address();
  return read.read(Bytes.of(address)) && list.has(read);
}

describe("Address", () => {
  it("reads and writes IPv4", () => {
    expect(written("0.0.0.0")).toBe("0.0.0.0");
    expect(written("192.0.2.255")).toBe("192.0.2.255");
    expect(written("192.0.2.255", 96 + 24)).toBe("192.0.2.0");
    expect(written("::ffff:192.0.2.7")).toBe("192.0.2.7");
    expect(written("::FFFF:c000:207")).toBe("192.0.2.7");
  });

  it("reads every notation of IPv6, and writes one", () => {
    const same: string[] = [
      "2001:db8::1",
      "2001:DB8:0:0:0:0:0:1",
      "2001:0db8:0000:0000:0000:0000:0000:0001",
      "2001:db8:0::0:1",
      "2001:db8::0.0.0.1",
    ];
    for (let i = 0; i < same.length; i++) expect(written(same[i])).toBe("2001:db8::1", same[i]);
    expect(written("::")).toBe("::");
    expect(written("::1")).toBe("::1");
    expect(written("1::")).toBe("1::");
    expect(written("1:2:3:4:5:6:7::")).toBe("1:2:3:4:5:6:7:0");
    expect(written("::2:3:4:5:6:7:8")).toBe("0:2:3:4:5:6:7:8");
    expect(written("1:0:0:2:0:0:0:3")).toBe("1:0:0:2::3");
    expect(written("1:0:0:2:3:0:0:4")).toBe("1::2:3:0:0:4");
    expect(written("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")).toBe(
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    );
    expect(written("2001:db8:1:2:3:4:5:6", 64)).toBe("2001:db8:1:2::");
    expect(written("2001:db8:1:2:3:4:5:6", 33)).toBe("2001:db8::");
    expect(written("2001:db8:8001::", 33)).toBe("2001:db8:8000::");
  });

  it("refuses everything else", () => {
    const refused: string[] = [
      "",
      ".",
      "1",
      "1.2.3",
      "1.2.3.4.5",
      "1.2.3.256",
      "1.2.3.1000",
      "01.2.3.4",
      "1.2.3.4 ",
      " 1.2.3.4",
      "1.2.3.-4",
      "1.2.3.",
      "1..2.3",
      "0x1.2.3.4",
      ":",
      ":::",
      "1:",
      ":1",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7:8::",
      "::1:2:3:4:5:6:7:8",
      "12345::",
      "g::",
      "1:2:3:4:5:6:7:1.2.3.4",
      "1:2:3:4:5:6::1.2.3.4",
      "::1.2.3",
      "::1.2.3.4:5",
      "fe80::1%eth0",
      "[::1]",
      "::1/64",
      "/var/run/app.sock",
      "a".repeat(10_000),
      ":".repeat(10_000),
      "1.".repeat(10_000),
      "\0",
    ];
    for (let i = 0; i < refused.length; i++) expect(written(refused[i])).toBe("-", refused[i]);
  });
});

describe("AddressRanges", () => {
  it("contain addresses and ranges, including their ends", () => {
    const ranges = "10.0.0.0/8 192.0.2.7 2001:db8::/32 ::1";
    expect(has(ranges, "10.0.0.0")).toBe(true);
    expect(has(ranges, "10.255.255.255")).toBe(true);
    expect(has(ranges, "11.0.0.0")).toBe(false);
    expect(has(ranges, "9.255.255.255")).toBe(false);
    expect(has(ranges, "192.0.2.7")).toBe(true);
    expect(has(ranges, "192.0.2.8")).toBe(false);
    expect(has(ranges, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")).toBe(true);
    expect(has(ranges, "2001:db9::")).toBe(false);
    expect(has(ranges, "::1")).toBe(true);
    expect(has(ranges, "::2")).toBe(false);
    expect(has(ranges, "::ffff:10.1.2.3")).toBe(true);
  });

  it("join ranges that overlap, in any order", () => {
    const ranges = "10.1.0.0/16 10.0.0.0/8 10.2.3.4 9.0.0.0/8 10.255.0.0/16";
    expect(has(ranges, "10.200.0.1")).toBe(true);
    expect(has(ranges, "9.1.1.1")).toBe(true);
    expect(has(ranges, "11.0.0.1")).toBe(false);
    expect(has(ranges, "8.255.255.255")).toBe(false);
  });

  it("keep IPv4 and IPv6 apart", () => {
    expect(has("::/0", "192.0.2.1")).toBe(false);
    expect(has("::/0", "2001:db8::1")).toBe(true);
    expect(has("0.0.0.0/0", "192.0.2.1")).toBe(true);
    expect(has("0.0.0.0/0", "2001:db8::1")).toBe(false);
    expect(has("::ffff:0:0/96", "192.0.2.1")).toBe(true);
  });

  it("ignore bits beyond the prefix", () => {
    expect(has("10.1.2.3/8", "10.9.9.9")).toBe(true);
  });

  it("refuse everything else", () => {
    const list = new AddressRanges();
    const refused: string[] = [
      "",
      "/",
      "10.0.0.0/",
      "10.0.0.0/33",
      "10.0.0.0/08",
      "::/129",
      "10.0.0.0/8/8",
      "/8",
      "::/-1",
    ];
    for (let i = 0; i < refused.length; i++) expect(list.add(Bytes.of(refused[i]))).toBe(false, refused[i]);
  });
});
