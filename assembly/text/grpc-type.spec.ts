import { Bytes } from "./bytes";
import { isGrpcType } from "./grpc-type";

describe("a gRPC call", () => {
  it("has its own content type", () => {
    const types: StaticArray<string> = ["application/grpc", "application/grpc+proto"];
    for (let i = 0; i < types.length; i++) expect(isGrpcType(Bytes.of(types[i]))).toBe(true, types[i]);
    const others: StaticArray<string> = [
      "",
      "application/grpc-web",
      "application/grpc;x",
      "application/json",
      "application/grp",
    ];
    for (let i = 0; i < others.length; i++) expect(isGrpcType(Bytes.of(others[i]))).toBe(false, others[i]);
    expect(isGrpcType(null)).toBe(false);
  });
});
