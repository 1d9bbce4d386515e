import { expect, test } from "vitest";
import { chooseRuntime } from "./runtime.js";

test("an unknown runtime is refused by its name", async () => {
  await expect(chooseRuntime({}, { MESHWRIGHT_ENVOY: "podman" })).rejects.toMatchObject({
    code: "usage",
    message: 'MESHWRIGHT_ENVOY is "podman": set it to process or container',
  });
});

test("a container never replaces a process that was asked for", async () => {
  await expect(
    chooseRuntime({}, { MESHWRIGHT_ENVOY: "process", ENVOY_VERSION: "9.9.9" }),
  ).rejects.toMatchObject({ code: "envoy-not-found", message: expect.stringContaining("9.9.9") });
});
