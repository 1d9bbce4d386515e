// What the sources from which an image is built say about a service.

import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { ProjectBuild } from "../project/model.js";

const MAX_BYTES = 256 * 1024;
/** Where people keep the messages of gRPC. */
const PROTO_FOLDERS = ["", "proto", "protos", "pb", "src", "genproto"];

/** The TCP ports that the last stage of its Dockerfile exposes. */
export function exposedPorts(build: ProjectBuild): readonly number[] {
  const text = build.dockerfile_inline ?? textOf(dockerfileOf(build));
  if (text === undefined) return [];
  const lines = text.replaceAll(/\\\r?\n/g, " ").split(/\r?\n/);
  const variables: Record<string, string> = {};
  let ports: number[] = [];
  for (const line of lines) {
    const [, word = "", rest = ""] = /^\s*([a-z]+)\s+(.*)$/i.exec(line) ?? [];
    switch (word.toUpperCase()) {
      case "FROM":
        ports = [];
        break;
      case "ARG":
      case "ENV":
        for (const [, name = "", value = ""] of rest.matchAll(/(\w+)[= ]"?([^\s"]*)/g))
          variables[name] = value;
        break;
      case "EXPOSE":
        for (const each of rest.trim().split(/\s+/)) {
          const plain = each.replaceAll(/\$\{?(\w+)\}?/g, (_text, name) => variables[name] ?? "");
          const [, port] = /^(\d{1,5})(?:-\d+)?(?:\/tcp)?$/i.exec(plain) ?? [];
          if (port !== undefined && Number(port) > 0 && Number(port) <= 65_535) ports.push(Number(port));
        }
    }
  }
  return ports;
}

function dockerfileOf({ context, dockerfile = "Dockerfile" }: ProjectBuild): string {
  return path.resolve(context, dockerfile);
}

/** Whether its sources have messages of gRPC. */
export function hasProtoFiles({ context }: ProjectBuild): boolean {
  return PROTO_FOLDERS.some((folder) => {
    try {
      return readdirSync(path.join(context, folder)).some((file) => file.endsWith(".proto"));
    } catch {
      return false;
    }
  });
}

/** The text of a file of a usual size. */
function textOf(file: string): string | undefined {
  try {
    const facts = statSync(file);
    return facts.isFile() && facts.size <= MAX_BYTES ? readFileSync(file, "utf8") : undefined;
  } catch {
    return undefined;
  }
}
