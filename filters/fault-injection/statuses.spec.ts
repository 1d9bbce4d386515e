import { GrpcStatus } from "../../assembly/abi/types";
import { GRPC_STATUSES, httpStatusFor, isBodiless } from "./statuses";

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
});

describe("a response without a body", () => {
  it("is recognized by its status", () => {
    expect(isBodiless(204)).toBe(true);
    expect(isBodiless(304)).toBe(true);
    expect(isBodiless(200)).toBe(false);
  });
});
