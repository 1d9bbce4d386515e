import { Bytes } from "./bytes";
import { base64Size, trailersFrameSize, writeBase64, writeTrailersFrame } from "./grpc-web";

function base64(text: string): string {
  const bytes = Bytes.of(text);
  const written = Bytes.owned(base64Size(bytes.size));
  writeBase64(written.ptr, bytes);
  return written.toString();
}

describe("the end of a gRPC-Web response", () => {
  it("is a frame with the trailers, and their size before them", () => {
    const status = Bytes.of("8");
    const message = Bytes.of("slow down");
    const frame = Bytes.owned(trailersFrameSize(status, message));
    writeTrailersFrame(frame.ptr, status, message);
    const text = "grpc-status:8\r\ngrpc-message:slow down\r\n";
    expect(frame.at(0)).toBe(0x80);
    expect(bswap<u32>(load<u32>(frame.ptr, 1))).toBe(text.length);
    expect(new Bytes(frame.ptr + 5, frame.size - 5).toString()).toBe(text);
  });
});

describe("base64", () => {
  it("has padding, and every digit", () => {
    expect(base64("")).toBe("");
    expect(base64("f")).toBe("Zg==");
    expect(base64("fo")).toBe("Zm8=");
    expect(base64("foo")).toBe("Zm9v");
    expect(base64("foobar")).toBe("Zm9vYmFy");
    expect(base64("~~~???")).toBe("fn5+Pz8/");
    expect(base64("\u07ff")).toBe("378=");
  });
});
