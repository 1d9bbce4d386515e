// Free TCP ports of the loopback address.

import { createServer, type Server } from "node:net";

const loopback = "127.0.0.1";

/** The ports returned so far. The system may offer a port again before its user has bound it. */
const handedOut = new Set<number>();

/** A port on which nobody else can listen until it is released. */
export interface HeldPort {
  readonly port: number;
  /** Settles when another process can listen there. May be called again. */
  release(): Promise<void>;
}

/**
 * `count` distinct ports of 127.0.0.1 that were not returned by an earlier call of this process,
 * for processes that start later. A client that connects meanwhile is refused.
 */
export async function holdPorts(count: number): Promise<HeldPort[]> {
  const used: Server[] = [];
  const held: HeldPort[] = [];
  // All are held until the last is found, so they are distinct.
  while (held.length < count) {
    const server = await listen(0);
    const address = server.address();
    if (address === null || typeof address === "string" || handedOut.has(address.port)) {
      used.push(server);
      continue;
    }
    server.on("connection", (socket) => socket.resetAndDestroy());
    server.unref();
    handedOut.add(address.port);
    let released: Promise<void> | undefined;
    held.push({
      port: address.port,
      release: () => {
        released ??= close(server);
        return released;
      },
    });
  }
  await Promise.all(used.map(close));
  return held;
}

/** The same for processes that start at once: the ports are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const held = await holdPorts(count);
  await Promise.all(held.map((each) => each.release()));
  return held.map(({ port }) => port);
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
