import { Bytes } from "../../assembly/text/bytes";
import { isRetriableGrpcStatus, isRetriableStatus, Methods } from "./policy";

describe("methods", () => {
  it("are the idempotent ones and gRPC calls, when none are listed", () => {
    const methods = new Methods(null);
    const retried: StaticArray<string> = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];
    for (let i = 0; i < retried.length; i++) expect(methods.allow(Bytes.of(retried[i]), false)).toBe(true);
    const others: StaticArray<string> = ["POST", "PATCH", "CONNECT", "get", "GETS", ""];
    for (let i = 0; i < others.length; i++) expect(methods.allow(Bytes.of(others[i]), false)).toBe(false);
    expect(methods.allow(Bytes.of("POST"), true)).toBe(true);
    expect(methods.allow(null, true)).toBe(false);
  });

  it("are the listed ones, and no others", () => {
    const methods = new Methods([Bytes.of("POST")]);
    expect(methods.allow(Bytes.of("POST"), false)).toBe(true);
    expect(methods.allow(Bytes.of("GET"), true)).toBe(false);
  });
});

function isOne(status: string): bool {
  return isRetriableStatus(Bytes.of(status), []);
}

describe("a response that looks retriable", () => {
  it("is one of these statuses", () => {
    const retried: StaticArray<string> = ["500", "503", "599", "409", "429"];
    for (let i = 0; i < retried.length; i++) expect(isOne(retried[i])).toBe(true);
    const others: StaticArray<string> = ["200", "404", "499", "600", "", "5xx", "5030", "-500"];
    for (let i = 0; i < others.length; i++) expect(isOne(others[i])).toBe(false);
    expect(isRetriableStatus(null, [])).toBe(false);
  });

  it("or another that the configuration names", () => {
    expect(isRetriableStatus(Bytes.of("404"), [425, 404])).toBe(true);
    expect(isRetriableStatus(Bytes.of("405"), [425, 404])).toBe(false);
    expect(isRetriableStatus(Bytes.of("503"), [404])).toBe(true);
    expect(isRetriableStatus(null, [404])).toBe(false);
  });

  it("or one of these gRPC statuses", () => {
    for (let status = 0; status < 17; status++) {
      const isOne = status == 1 || status == 4 || status == 8 || status == 13 || status == 14;
      expect(isRetriableGrpcStatus(Bytes.of(status.toString()))).toBe(isOne, status.toString());
    }
    expect(isRetriableGrpcStatus(null)).toBe(false);
  });
});
