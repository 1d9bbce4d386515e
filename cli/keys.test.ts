import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { type KeyInput, listenForKeys } from "./keys.js";
import { Screen } from "./screen.js";

function terminal(partNames: readonly string[], isTTY = true) {
  const written: string[] = [];
  const restarted: string[] = [];
  const modes: boolean[] = [];
  const emitter = new EventEmitter();
  const input = Object.assign(emitter, {
    isTTY,
    setRawMode: (isRaw: boolean) => modes.push(isRaw),
    resume: () => {},
    pause: () => {},
  }) as unknown as KeyInput;
  const screen = new Screen({ isTTY, columns: 80, write: (text) => written.push(text) }, {});
  const restart = async (name: string) => void restarted.push(name);
  const keys = listenForKeys(input, screen, { partNames, restart });
  return { type: (text: string) => emitter.emit("data", text), keys, written, restarted, modes, emitter };
}

const PARTS = ["Envoy gateway", "Envoy orders_v1", "Envoy orders_v10", "service orders_v1"];

it("restarts the part that is named in part or in full, and asks again where several are", () => {
  const { type, restarted, written } = terminal(PARTS);
  type("rgate\r");
  type("rorders_v1\r");
  expect(written.join("")).toContain("is a part of Envoy orders_v1, Envoy orders_v10, service orders_v1");
  type("r");
  type("Envoy orders_v11\u007f\r");
  type("rnone\rrgate\u001bx\r\r");
  expect(restarted).toEqual(["Envoy gateway", "Envoy orders_v1"]);
  expect(written.join("")).toContain('nothing is named "none"');
});

it("asks nothing where there is one part", () => {
  const { type, restarted } = terminal(["Envoy"]);
  type("xr");
  expect(restarted).toEqual(["Envoy"]);
});

it("gives the terminal back, and leaves what is none alone", () => {
  const { keys, modes, emitter } = terminal(PARTS);
  expect(emitter.listenerCount("data")).toBe(1);
  keys[Symbol.dispose]();
  expect(modes).toEqual([true, false]);
  expect(emitter.listenerCount("data")).toBe(0);
  expect(terminal(PARTS, false).modes).toEqual([]);
});
