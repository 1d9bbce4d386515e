import { Bytes } from "./bytes";
import { trailersFrameSize, writeTrailersFrame } from "./grpc-web";

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
