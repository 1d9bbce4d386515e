import { expect, it } from "vitest";
import type { ExtensionResource } from "../config/wasm.js";
import { type FilterSource, ResourceSource, type Stream } from "./source.js";

const settings = (text: string, name = "f") => ({ name, typed_config: { "@type": "t", text } });

/** A stream of an Envoy that keeps what it gets, until the test answers. */
function connect(source: FilterSource, name = "f") {
  const got: { nonce: string; text: unknown }[] = [];
  const stream: Stream = {
    send: (nonce, { typed_config }) => got.push({ nonce, text: typed_config.text }),
  };
  const request = (responseNonce: string, message?: string) =>
    source.requested(name, stream, {
      resourceNames: [name],
      typeUrl: "",
      responseNonce,
      errorDetail: message === undefined ? null : { message },
    });
  request("");
  return {
    texts: () => got.map(({ text }) => text),
    decide: (message?: string) => request(got.at(-1)?.nonce ?? "", message),
    request,
    leave: () => source.disconnected(name, stream),
  };
}

it("gives settings one after the other, each with its verdict", async () => {
  const source = new ResourceSource<ExtensionResource>();
  source.keep(settings("one"));
  const envoy = connect(source);
  const two = source.offer(settings("two"));
  const three = source.offer(settings("three"));
  expect(envoy.texts()).toEqual(["one"]);
  envoy.request("stale");
  expect(envoy.texts()).toEqual(["one"]);
  envoy.decide();
  envoy.decide("not these");
  envoy.decide();
  expect(await two).toEqual({ taken: false, reason: "not these" });
  expect(await three).toEqual({ taken: true, streams: 1 });
  expect(envoy.texts()).toEqual(["one", "two", "three"]);
});

it("gives the next Envoy what was taken last, or what was kept for it", async () => {
  const source = new ResourceSource<ExtensionResource>();
  source.keep(settings("one"));
  const first = connect(source);
  first.decide();
  const left = source.offer(settings("two"));
  first.leave();
  expect(await left).toBeUndefined();
  expect(await source.offer(settings("two"))).toBeUndefined();
  const second = connect(source);
  expect(second.texts()).toEqual(["one"]);
  second.leave();
  source.keep(settings("three"));
  const third = connect(source);
  expect(third.texts()).toEqual(["three"]);
  third.decide("not these");
  expect(source.returnToTaken("f")).toBe(true);
  expect(source.returnToTaken("f")).toBe(false);
  expect(connect(source).texts()).toEqual(["one"]);
});

it("asks every cluster's stream of a filter, and one refusal counts", async () => {
  const source = new ResourceSource<ExtensionResource>();
  source.keep(settings("one"));
  const [one, two] = [connect(source), connect(source)];
  one.decide();
  two.decide();
  const refused = source.offer(settings("two"));
  one.decide();
  two.decide("not these");
  expect(await refused).toEqual({ taken: false, reason: "not these" });
  const taken = source.offer(settings("three"));
  one.decide();
  two.decide();
  expect(await taken).toEqual({ taken: true, streams: 2 });
});
