// Free TCP ports of the loopback address.

import { createServer, type Server } from "node:net";

const loopback = "127.0.0.1";

/** The ports returned so far. The system may offer a port again before its user has bound it. */
const handedOut = new Set<number>();

/**
 * `count` distinct ports that are free on 127.0.0.1 now and were not returned by an earlier call of
 * this process.
 */
export async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = [];
  const ports: number[] = [];
  try {
    // All are held until the last is found, so they are distinct.
    while (ports.length < count) {
      const server = await listen(0);
      held.push(server);
      const address = server.address();
      if (address === null || typeof address === "string" || handedOut.has(address.port)) continue;
      handedOut.add(address.port);
      ports.push(address.port);
    }
  } finally {
    await Promise.all(held.map(close));
  }
  return ports;
}

/**
 * `forbidden`: this user may not listen there, which many systems say of ports below 1024.
 * `absent`: this machine does not have the address.
 */
export type PortState = "free" | "taken" | "forbidden" | "absent";

/**
 * Whether a server could listen on this port of 127.0.0.1 now. A listener that shares its port by
 * SO_REUSEPORT counts too.
 */
export function portState(port: number): Promise<PortState> {
  return portStateAt(loopback, port);
}

/** The same for any IP address. */
export async function portStateAt(address: string, port: number): Promise<PortState> {
  try {
    await close(await listen(port, address));
    return "free";
  } catch (error) {
    return stateOf(error as NodeJS.ErrnoException);
  }
}

/** What a failed attempt to listen says about the port. */
export function stateOf({ code }: NodeJS.ErrnoException): PortState {
  if (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT") return "absent";
  return code === "EACCES" || code === "EPERM" ? "forbidden" : "taken";
}

/**
 * Half a sentence about a port that cannot be used, and what to do. `instead` says how to choose
 * another.
 */
export function describeUnusable(state: Exclude<PortState, "free">, instead: string): string {
  if (state === "absent")
    return "cannot be listened on, because this machine does not have the address: use one that it has, or 0.0.0.0 for all of them";
  return state === "forbidden"
    ? `may not be listened on by this user (ports below 1024 often need root): ${instead}`
    : `is taken: end what listens there, or ${instead}`;
}

function listen(port: number, host = loopback): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ port, host }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
