import { createServer } from "node:net";
import { expect, it } from "vitest";
import { freePorts, isPortFree } from "./ports.js";

it("hands out distinct free ports, and none of them twice", async () => {
  const [first, second] = await Promise.all([freePorts(20), freePorts(20)]);
  const ports = [...first, ...second];
  expect(new Set(ports).size).toBe(40);
  for (const port of ports) expect(port).toBeGreaterThan(1023);
});

it("tells a taken port from a free one", async () => {
  const [port = 0] = await freePorts(1);
  expect(await isPortFree(port)).toBe(true);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", () => resolve()));
  expect(await isPortFree(port)).toBe(false);
  await new Promise((resolve) => server.close(resolve));
  expect(await isPortFree(port)).toBe(true);
});
