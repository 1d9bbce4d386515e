// The options by which the benchmarks take modules that someone else built.

import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { Json } from "../../envoy/config/json.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { Peer } from "./variants.js";

export interface PeerOptions {
  readonly peer: readonly Peer[];
  readonly peerConfig: ReadonlyMap<string, Json>;
}

/** Gives the command both options. */
export function withPeers(command: Command): Command {
  return command
    .option(
      "--peer <name=file.wasm>",
      "measure a module that someone else built, too; repeatable",
      readPeer,
      [] as readonly Peer[],
    )
    .option(
      "--peer-config <name=file.json>",
      "the settings of the module that --peer calls by this name; repeatable",
      readSettings,
      new Map<string, Json>(),
    );
}

/**
 * The peers, each with its settings.
 * @throws MeshwrightError `usage` for settings of none of them
 */
export function peersOf({ peer, peerConfig }: PeerOptions): readonly Peer[] {
  const stranger = [...peerConfig.keys()].find((name) => !peer.some((each) => each.name === name));
  if (stranger !== undefined)
    throw new MeshwrightError("usage", `--peer-config ${stranger}: no --peer has this name`);
  return peer.map((each) => ({ ...each, configuration: peerConfig.get(each.name) ?? {} }));
}

function readPeer(text: string, before: readonly Peer[]): readonly Peer[] {
  const [, name, path] = /^([^=]+)=(.+\.wasm)$/.exec(text) ?? [];
  if (name === undefined || path === undefined) throw new InvalidArgumentError("Write NAME=FILE.wasm.");
  if (!existsSync(path)) throw new InvalidArgumentError(`There is no file ${path}.`);
  return [...before, { name, path: resolve(path) }];
}

function readSettings(text: string, before: ReadonlyMap<string, Json>): ReadonlyMap<string, Json> {
  const [, name, path] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || path === undefined) throw new InvalidArgumentError("Write NAME=FILE.json.");
  return new Map([...before, [name, settingsIn(path)]]);
}

function settingsIn(path: string): Json {
  try {
    const settings = JSON.parse(readFileSync(path, "utf8")) as Json;
    if (typeof settings === "object" && settings !== null) return settings;
  } catch (error) {
    throw new InvalidArgumentError(`${path} cannot be read: ${(error as Error).message}`);
  }
  throw new InvalidArgumentError(`${path} holds no object.`);
}
