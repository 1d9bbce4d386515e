import { expect, test } from "vitest";
import { RestSource } from "./resources.js";

const TYPE = "cluster";
const set = (text: string) => ({ type: TYPE, resources: [{ text }] });

/** An Envoy that asks, and takes or refuses what it gets. */
function connect(source: RestSource) {
  let version = "";
  const over = new AbortController();
  const ask = () => source.asked({ type: TYPE, names: [], version }, over.signal);
  let question = ask();
  return {
    next: async (decide: "take" | "refuse" = "take") => {
      const answer = await question;
      if (decide === "take") version = answer.version;
      question = ask();
      return (answer.resources[0] as { text: string }).text;
    },
    leave: () => {
      over.abort();
      source.disconnected();
    },
  };
}

test("an Envoy that asks gets what is kept, then waits, and its next question is the verdict", async () => {
  const source = new RestSource();
  source.keep(set("one"));
  source.keep(set("ignored"));
  const envoy = connect(source);
  expect(await envoy.next()).toBe("one");
  const two = source.offer(set("two"));
  expect(await envoy.next()).toBe("two");
  expect(await two).toEqual({ taken: true, streams: 1 });
});

test("an offer waits for an Envoy that is about to ask again", async () => {
  const source = new RestSource();
  source.keep(set("one"));
  const first = await source.asked({ type: TYPE, names: [], version: "" }, new AbortController().signal);
  const two = source.offer(set("two"));
  const signal = new AbortController().signal;
  const next = await source.asked({ type: TYPE, names: [], version: first.version }, signal);
  expect(next.resources).toEqual([{ text: "two" }]);
  void source.asked({ type: TYPE, names: [], version: next.version }, signal);
  expect(await two).toEqual({ taken: true, streams: 1 });
});

test("what is refused is not sent again, and another Envoy gets the last that was taken", async () => {
  const source = new RestSource();
  source.keep(set("one"));
  const envoy = connect(source);
  await envoy.next();
  const two = source.offer(set("two"));
  expect(await envoy.next("refuse")).toBe("two");
  expect(await two).toMatchObject({ taken: false });
  expect(source.current(set(""))).toEqual(set("one"));
  const three = source.offer(set("three"));
  expect(await envoy.next()).toBe("three");
  expect(await three).toMatchObject({ taken: true });
  envoy.leave();
  expect(await connect(source).next()).toBe("three");
});

test("an offer while no Envoy is there is kept for the next one", async () => {
  const source = new RestSource();
  source.keep(set("one"));
  const envoy = connect(source);
  await envoy.next();
  const lost = source.offer(set("two"));
  envoy.leave();
  expect(await lost).toBeUndefined();
  expect(await source.offer(set("three"))).toBeUndefined();
  expect(await connect(source).next()).toBe("three");
});
