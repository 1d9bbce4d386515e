import { describe, expect, test } from "vitest";
import { parseImages, refuseUnused } from "./images.js";

const DIGEST = `sha256:${"ab".repeat(32)}`;

test("an image is kept by its digest, without the tag that may move", () => {
  const { images } = parseImages([
    `edge=oci://registry.example/mesh/edge:1@${DIGEST}`,
    `mine=localhost:5000/mine@${DIGEST}`,
  ]);
  expect([...images]).toEqual([
    ["edge", `registry.example/mesh/edge@${DIGEST}`],
    ["mine", `localhost:5000/mine@${DIGEST}`],
  ]);
});

test.each(["registry.example/mesh", "oci://registry.example/mesh/", "127.0.0.1:5000"])(
  "a registry is a prefix: %s",
  (prefix) => {
    expect(parseImages([], prefix).registry).toBe(prefix.replace(/^oci:\/\/|\/$/g, ""));
  },
);

describe("what is refused", () => {
  test.each([
    [["edge=oci://r.example/edge:1"], /has the tag "1" and no digest; a tag can move/],
    [["edge=oci://r.example/edge"], /has no digest/],
    [["edge=oci://r.example/edge@sha256:ab"], /a digest is sha256:/],
    [["oci://r.example/edge"], /write it as FILTER=oci:/],
    [["edge=edge"], /name the registry/],
    [[`a=r.example/a@${DIGEST}`, `a=r.example/b@${DIGEST}`], /--image a=… is given twice/],
  ])("%j", (words, message) => {
    expect(() => parseImages(words)).toThrow(message);
  });

  test.each(["mesh", "registry.example/Mesh", `registry.example/a@${DIGEST}`, "registry.example/a:1", ""])(
    "the registry %j",
    (prefix) => {
      expect(() => parseImages([], prefix)).toThrow();
    },
  );

  test("an image of a filter that is not rendered, with the one that was meant", () => {
    const words = parseImages([`edgy=r.example/edge@${DIGEST}`]);
    expect(() => refuseUnused(words, ["edge"])).toThrow('no filter "edgy" is rendered; did you mean "edge"?');
    expect(() => refuseUnused(words, [])).toThrow("what is rendered uses none");
  });
});
