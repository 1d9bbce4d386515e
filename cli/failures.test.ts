import { describe, expect, it } from "vitest";
import { MeshwrightError } from "../envoy/errors.js";
import {
  describeFailure,
  EXIT_CODES,
  INTERRUPTED_EXIT_CODE,
  ToldFailure,
  UNEXPECTED_EXIT_CODE,
} from "./failures.js";
import { Interrupted } from "./interrupt.js";

describe("describeFailure", () => {
  it("reports an error in one line, with its details below", () => {
    expect(describeFailure(new MeshwrightError("port-taken", "port 1 is taken", ["why"]), false)).toEqual({
      lines: ["meshwright: port 1 is taken", "  why"],
      exitCode: EXIT_CODES["port-taken"],
    });
  });

  it("shows the stack of an unexpected error only when asked to", () => {
    const error = new Error("odd\nsecond line");
    expect(describeFailure(error, false).lines).toEqual([
      "meshwright: unexpected error: odd",
      "  Set MESHWRIGHT_DEBUG=1 to see where it came from.",
    ]);
    expect(describeFailure(error, true).lines.join("\n")).toContain("failures.test.ts");
    expect(describeFailure("thrown text", true)).toEqual({
      lines: ["meshwright: unexpected error: thrown text"],
      exitCode: UNEXPECTED_EXIT_CODE,
    });
  });

  it("ends an interrupted start with the exit code that shells use", () => {
    expect(describeFailure(new Interrupted(), false).exitCode).toBe(INTERRUPTED_EXIT_CODE);
  });

  it("adds nothing where the command has reported everything itself", () => {
    expect(describeFailure(new ToldFailure(1), true)).toEqual({ lines: [], exitCode: 1 });
  });

  it("has an exit code of its own for each kind of failure", () => {
    const codes = [...Object.values(EXIT_CODES), UNEXPECTED_EXIT_CODE, INTERRUPTED_EXIT_CODE, 0];
    expect(new Set(codes).size).toBe(codes.length);
  });
});
