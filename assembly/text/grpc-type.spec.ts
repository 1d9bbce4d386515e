import { Bytes } from "./bytes";
import { CallProtocol, isGrpcType, protocolOf } from "./grpc-type";

function expectAll(types: StaticArray<string>, protocol: CallProtocol): void {
  for (let i = 0; i < types.length; i++) {
    expect(protocolOf(Bytes.of(types[i]))).toBe(protocol, types[i]);
    expect(isGrpcType(Bytes.of(types[i]))).toBe(protocol == CallProtocol.Grpc, types[i]);
  }
}

describe("the protocol of a call", () => {
  it("is known by its content type", () => {
    expectAll(["application/grpc", "application/grpc+proto", "application/grpc+"], CallProtocol.Grpc);
    expectAll(
      ["application/grpc-web", "application/grpc-web+json", "application/grpc-web;charset=utf-8"],
      CallProtocol.GrpcWeb,
    );
    expectAll(["application/grpc-web-text", "application/grpc-web-text+proto"], CallProtocol.GrpcWebText);
    expectAll(
      [
        "",
        "application/grpc;x",
        "application/grpc-website",
        "application/grpc-web-texts",
        "application/json",
        "application/grp",
        "application/grpcx",
      ],
      CallProtocol.Http,
    );
    expect(protocolOf(null)).toBe(CallProtocol.Http);
  });
});
