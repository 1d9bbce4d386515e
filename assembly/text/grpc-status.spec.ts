import { GrpcStatus } from "../abi/types";
import { grpcStatusFor } from "./grpc-status";

describe("a gRPC status", () => {
  it("is the one that a client derives from an HTTP status", () => {
    expect(grpcStatusFor(503)).toBe(GrpcStatus.Unavailable);
    expect(grpcStatusFor(404)).toBe(GrpcStatus.Unimplemented);
    expect(grpcStatusFor(418)).toBe(GrpcStatus.Unknown);
    expect(grpcStatusFor(200)).toBe(GrpcStatus.Unknown);
  });
});
