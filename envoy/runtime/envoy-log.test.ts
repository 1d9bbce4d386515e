import { describe, expect, it } from "vitest";
import { endReason, lastLines, newerPart, refusalReason } from "./envoy-log.js";

const at = (level: string, component: string, text: string, thread = 7) =>
  `[2026-01-02 03:04:05.678][${thread}][${level}][${component}] [source/a/b.cc:12] ${text}`;

describe("endReason", () => {
  it("joins a message of several lines and drops Protobuf's markers", () => {
    const log = [
      at("info", "main", "loading"),
      at("critical", "main", "error `Invalid duration: Expected positive duration: goo.gle/debugonly  "),
      "seconds: -1",
      "` initializing config 'goo.gle/debugstr    ",
      "  a.json'",
      at("info", "main", "exiting"),
      "Invalid duration",
    ].join("\n");
    expect(endReason(log)).toBe("Invalid duration: Expected positive duration: seconds: -1");
  });

  it("reads the output of the validate mode", () => {
    const log = at("critical", "main", "error initializing configuration 'a.json': no such   field: 'bogus'");
    expect(endReason(log)).toBe("no such field: 'bogus'");
  });

  it("leaves out the configuration, which Envoy repeats after what it could not read in it", () => {
    const echo = "Unable to parse JSON as proto (INVALID_ARGUMENT: could not find @type 'a.B'): { \"a\": 1 }";
    const log = at("critical", "main", `error \`${echo}\` initializing config ' a.json' ${echo}`);
    expect(endReason(log)).toBe(
      "Unable to parse JSON as proto (INVALID_ARGUMENT: could not find @type 'a.B')",
    );
  });

  it("puts a filter's own complaint first", () => {
    const log = [
      at("error", "wasm", "wasm log routing vm: rules[0]: must be a mapping"),
      at("error", "wasm", "Wasm VM failed Failed to configure base Wasm plugin"),
      at("critical", "main", "error `Unable to create Wasm plugin x` initializing config 'a'"),
    ].join("\n");
    expect(endReason(log)).toBe("rules[0]: must be a mapping; Unable to create Wasm plugin x");
  });

  const aborted = [
    at("critical", "assert", "assert failure: inotify_fd_ >= 0. Details: Consider increasing value"),
    at("error", "envoy_bug", "#0 UNKNOWN [0x559ff9792afc]"),
    at("critical", "backtrace", "Caught Aborted, suspect faulting address 0x7b03"),
    at("critical", "backtrace", "#0: [0x559ff9792afc]"),
    at("critical", "backtrace", "#1: __restore_rt [0x7f3af672724a]"),
  ].join("\n");

  it("is the first critical entry of an abort, with advice, and no address", () => {
    expect(endReason(aborted)).toMatch(
      /^assert failure: inotify_fd_ >= 0\. Details: .*: raise the limit, as in sysctl .*max_user_instances=\d+$/,
    );
    expect(lastLines(aborted, 12)).toHaveLength(2);
    const crash = at("critical", "backtrace", "Caught Segmentation fault, suspect faulting address 0x0");
    expect(endReason(`${crash}\n${at("critical", "backtrace", "#0: [0x5]")}`)).toMatch(
      /^Caught Segmentation fault, suspect faulting address 0x0: .*ENVOY_VERSION/,
    );
  });

  it("falls back to the last line", () => {
    expect(endReason("envoy: GLIBC_2.31 not found\n")).toBe("envoy: GLIBC_2.31 not found");
    expect(endReason("")).toBe("");
  });
});

describe("refusalReason", () => {
  const refused = at(
    "warning",
    "config",
    "gRPC config for type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig rejected: Unable to create Wasm plugin x",
  );

  it("is what the filter wrote on the thread that decided", () => {
    const log = [
      at("error", "wasm", "wasm log vm: of an earlier refusal"),
      refused,
      at("error", "wasm", "wasm log vm: a.b: must be a number"),
      at("error", "wasm", "wasm log vm: of a request", 9),
      at("info", "wasm", "wasm log vm: configured"),
      refused,
    ].join("\n");
    expect(refusalReason(log)).toBe("a.b: must be a number");
  });

  it("is Envoy's sentence when no filter spoke", () => {
    expect(refusalReason(refused)).toBe("Unable to create Wasm plugin x");
  });

  it("is undefined before Envoy has decided", () => {
    expect(refusalReason(at("error", "wasm", "wasm log vm: a.b: must be a number"))).toBeUndefined();
  });
});

describe("newerPart", () => {
  it.each([
    ["a log that only grew", "a\nb", "a\nb\nc", "\nc"],
    ["a log that lost its start", "a\nb\nc\nd", "b\nc\nd\ne", "\ne"],
    ["a log that was empty", "", "a\nb", "a\nb"],
    ["a log that was replaced", "a\nb", "x\ny", "x\ny"],
  ])("finds the mark in %s", (_case, before, now, newer) => {
    expect(newerPart(before, now)).toBe(newer);
  });
});
