// The kit without vitest, since an author may use another test runner, or none.

import { expect, test } from "vitest";
import { PACKAGE_ROOT } from "../envoy/package-root.js";
import { runProgram } from "../envoy/runtime/run-program.js";

/** Turns every import of vitest into an error. */
const WITHOUT_VITEST = `
export async function resolve(specifier, context, next) {
  if (specifier === "vitest" || specifier.includes("/vitest/")) throw new Error("imports " + specifier);
  return next(specifier, context);
}`;

/** Prints the names that a file exports, or fails with the reason why it cannot be imported. */
function namesOf(file: string) {
  const hooks = `data:text/javascript,${encodeURIComponent(WITHOUT_VITEST)}`;
  const register = `import { register } from "node:module"; register(${JSON.stringify(hooks)});`;
  const script = `const kit = await import("./kit/${file}"); console.log(Object.keys(kit).sort().join(" "));`;
  return runProgram(
    process.execPath,
    [
      "--import",
      "tsx",
      "--import",
      `data:text/javascript,${encodeURIComponent(register)}`,
      "--input-type=module",
      "-e",
      script,
    ],
    PACKAGE_ROOT,
  );
}

test("the kit can be imported in plain Node, and exports these names", async () => {
  const { code, output } = await namesOf("index.ts");
  expect(output.trim().split("\n").at(-1)).toBe(
    "HostedModule HostedProxy MeshwrightError Trap describeTrap filterModule hostProxy loadModule makeAuthority rawHttp1 send startEnvoy startGrpcUpstream startUpstream whyNoContainer",
  );
  expect(code).toBe(0);
});

test("the matchers cannot", async () => {
  const { code, output } = await namesOf("vitest.ts");
  expect(output).toContain("imports vitest");
  expect(code).not.toBe(0);
});
