import { expect, test } from "vitest";
import { MeshwrightError } from "../../envoy/errors.js";
import { onFreePorts } from "./on-free-ports.js";

/** Fails so often, and then gives the number of the attempt. */
function failing(times: number, error: Error) {
  const ports: number[][] = [];
  const start = async (...taken: number[]) => {
    ports.push(taken);
    if (ports.length <= times) throw error;
    return ports.length;
  };
  return { ports, start };
}

const TAKEN = new MeshwrightError("port-taken", "127.0.0.1:1 is taken");

test("other ports are tried where one was taken meanwhile", async () => {
  const { ports, start } = failing(2, TAKEN);
  expect(await onFreePorts(start)).toBe(3);
  expect(ports.flat().every((port) => port > 0)).toBe(true);
});

test("three attempts are made, and anything else ends the first", async () => {
  const taken = failing(3, TAKEN);
  await expect(onFreePorts(taken.start)).rejects.toBe(TAKEN);
  expect(taken.ports).toHaveLength(3);
  const other = new MeshwrightError("configuration", "no");
  const refused = failing(1, other);
  await expect(onFreePorts(refused.start)).rejects.toBe(other);
  expect(refused.ports).toHaveLength(1);
});
