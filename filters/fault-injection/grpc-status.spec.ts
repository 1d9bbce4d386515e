import { GrpcStatus } from "../../assembly/abi/types";
import { Bytes } from "../../assembly/text/bytes";
import { isBodiless } from "./abort";
import { escapedMessage, GRPC_STATUSES, grpcStatusFor, httpStatusFor } from "./grpc-status";

describe("a gRPC status", () => {
  it("has an HTTP status that clients may receive", () => {
    for (let status = 0; status < GRPC_STATUSES; status++) {
      expect(httpStatusFor(status)).toBeGreaterThanOrEqual(200);
      expect(httpStatusFor(status)).toBeLessThan(600);
    }
    expect(httpStatusFor(GrpcStatus.Unavailable)).toBe(503);
    expect(httpStatusFor(GrpcStatus.ResourceExhausted)).toBe(429);
    expect(httpStatusFor(GrpcStatus.Unauthenticated)).toBe(401);
  });

  it("is the one that a client derives from an HTTP status", () => {
    expect(grpcStatusFor(503)).toBe(GrpcStatus.Unavailable);
    expect(grpcStatusFor(404)).toBe(GrpcStatus.Unimplemented);
    expect(grpcStatusFor(418)).toBe(GrpcStatus.Unknown);
    expect(grpcStatusFor(200)).toBe(GrpcStatus.Unknown);
  });

  it("has a message that is valid in a header, whatever bytes it has", () => {
    expect(escapedMessage(Bytes.of("try later")).toString()).toBe("try later");
    expect(escapedMessage(Bytes.of("100 %\r\n\u00fc")).toString()).toBe("100 %25%0D%0A%C3%BC");
    expect(escapedMessage(Bytes.of("")).size).toBe(0);
  });
});

describe("a response without a body", () => {
  it("is recognized by its status", () => {
    expect(isBodiless(204)).toBe(true);
    expect(isBodiless(304)).toBe(true);
    expect(isBodiless(200)).toBe(false);
  });
});
