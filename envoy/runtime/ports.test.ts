import { createServer } from "node:net";
import { expect, it } from "vitest";
import { describeUnusable, freePorts, holdPorts, portState, portStateAt, stateOf } from "./ports.js";

it("returns distinct free ports, and none of them twice", async () => {
  const [first, second] = await Promise.all([freePorts(20), freePorts(20)]);
  const ports = [...first, ...second];
  expect(new Set(ports).size).toBe(40);
  for (const port of ports) expect(port).toBeGreaterThan(1023);
});

it("distinguishes a taken port from a free one", async () => {
  const [port = 0] = await freePorts(1);
  expect(await portState(port)).toBe("free");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", () => resolve()));
  expect(await portState(port)).toBe("taken");
  await new Promise((resolve) => server.close(resolve));
  expect(await portState(port)).toBe("free");
});

it("distinguishes a port that this user may not use from one that is taken", () => {
  const failure = (code: string) => Object.assign(new Error(code), { code });
  expect(stateOf(failure("EACCES"))).toBe("forbidden");
  expect(stateOf(failure("EADDRINUSE"))).toBe("taken");
  expect(describeUnusable("forbidden", "choose another")).toMatch(/may not be listened on.*choose another/);
  expect(describeUnusable("taken", "choose another")).toMatch(/is taken.*choose another/);
});

it("knows an address that this machine does not have", async () => {
  // An address of documentation (RFC 5737), which no machine has.
  const [port = 0] = await freePorts(1);
  expect(await portStateAt("192.0.2.1", port)).toBe("absent");
  expect(describeUnusable("absent", "choose another")).toMatch(/does not have the address: use one/);
  expect(await portStateAt("0.0.0.0", port)).toBe("free");
});

it("holds ports until they are released, and refuses clients meanwhile", async () => {
  const held = await holdPorts(3);
  const ports = held.map(({ port }) => port);
  expect(new Set(ports).size).toBe(3);
  expect(await Promise.all(ports.map(portState))).toEqual(["taken", "taken", "taken"]);
  await expect(fetch(`http://127.0.0.1:${ports[0]}/`)).rejects.toThrow();
  await Promise.all(held.flatMap((each) => [each.release(), each.release()]));
  expect(await Promise.all(ports.map(portState))).toEqual(["free", "free", "free"]);
});
