// Runs a proxy-wasm module in Node's own V8, without a proxy: enough of the host to configure a filter and to hand it request and response
// headers. What stock Envoy does decides; the integration tests hold the same filters against it.

import { randomFillSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { Memory } from "./memory.js";

/** A header map as it travels: names and values in order, repeated names included. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

export interface LogLine {
  readonly level: number;
  readonly text: string;
}

/** What a filter made of a request. */
export interface Exchange {
  /** The request headers as the upstream would get them. */
  readonly request: HeaderList;
  /** The response headers as the client would get them, when the exchange had a response. */
  readonly response: HeaderList;
  /** The filter's own answer, when it gave one. */
  readonly localReply?: { readonly status: number; readonly details: string; readonly body: string };
  /** Host calls that the exchange made, by name. */
  readonly hostCalls: ReadonlyMap<string, number>;
}

export interface ExchangeOptions {
  readonly response?: HeaderList;
  /** Property values by path, such as `source.address`. */
  readonly properties?: Readonly<Record<string, string>>;
}

const Status = { Ok: 0, NotFound: 1, BadArgument: 2 } as const;
const HeaderMapType = { Request: 0, Response: 2 } as const;
const PLUGIN_CONFIGURATION = 7;
const LOG_LEVEL_INFO = 2;

type Callback = (...args: number[]) => number | undefined;

/** Compiles the module and starts one VM. Throws when the module wants an import that stock Envoy does not link. */
export function loadModule(path: string): HostedModule {
  return new HostedModule(new WebAssembly.Module(readFileSync(path)));
}

/** One VM with one module, and the plugins that run in it. */
export class HostedModule {
  readonly logs: LogLine[] = [];
  readonly metrics = new Map<string, number>();
  /** Host calls that the VM has made since its start, by name. */
  readonly hostCallsTotal = new Map<string, number>();

  private readonly exports: Record<string, unknown>;
  private readonly memory: Memory;
  private readonly metricNames: string[] = [];
  private readonly metricIds = new Map<string, number>();
  private readonly liveRoots = new Set<number>();
  private nextContextId = 1;
  private rootId = 0;
  private configuration = Buffer.alloc(0);
  private requestHeaders: [string, string][] | undefined;
  private responseHeaders: [string, string][] | undefined;
  private properties: Readonly<Record<string, string>> = {};
  private localReply: Exchange["localReply"];
  private hostCalls = new Map<string, number>();

  constructor(module: WebAssembly.Module) {
    const instance = new WebAssembly.Instance(module, {
      env: this.counted(this.env()),
      wasi_snapshot_preview1: { random_get: (ptr: number, size: number) => this.randomGet(ptr, size) },
    });
    this.exports = instance.exports;
    this.memory = new Memory(this.exports.memory as WebAssembly.Memory, (size) =>
      Number(this.call("malloc", size)),
    );
    this.call("_initialize");
  }

  /** Pages of 64 KiB that the VM's memory has now. */
  get pages(): number {
    return this.memory.pages;
  }

  /** Starts a plugin with this configuration; it serves what follows if it was accepted. */
  configure(configuration: string | Uint8Array): { accepted: boolean; logs: string[] } {
    const before = this.logs.length;
    const rootId = this.nextContextId++;
    this.configuration = Buffer.from(configuration);
    this.liveRoots.add(rootId);
    this.call("proxy_on_context_create", rootId, 0);
    const accepted = this.call("proxy_on_configure", rootId, this.configuration.length) !== 0;
    if (accepted) {
      this.liveRoots.delete(this.rootId);
      this.rootId = rootId;
    } else {
      this.liveRoots.delete(rootId);
    }
    return { accepted, logs: this.logs.slice(before).map((line) => line.text) };
  }

  /** One stream from its first callback to its last. */
  exchange(request: HeaderList, options: ExchangeOptions = {}): Exchange {
    const id = this.nextContextId++;
    this.requestHeaders = request.map(([name, value]) => [name, value]);
    this.responseHeaders = undefined;
    this.properties = options.properties ?? {};
    this.localReply = undefined;
    this.hostCalls = new Map();
    this.call("proxy_on_context_create", id, this.rootId);
    this.call("proxy_on_request_headers", id, this.requestHeaders.length, 1);
    this.responseHeaders = (options.response ?? [[":status", "200"]]).map(([name, value]) => [name, value]);
    this.call("proxy_on_response_headers", id, this.responseHeaders.length, 1);
    this.call("proxy_on_done", id);
    this.call("proxy_on_delete", id);
    return {
      request: this.requestHeaders,
      response: this.responseHeaders,
      ...(this.localReply === undefined ? {} : { localReply: this.localReply }),
      hostCalls: this.hostCalls,
    };
  }

  private call(name: string, ...args: number[]): number | undefined {
    const callback = this.exports[name] as Callback | undefined;
    return callback?.(...args);
  }

  private counted(calls: Record<string, Callback>): Record<string, Callback> {
    const wrapped: Record<string, Callback> = {};
    for (const [name, call] of Object.entries(calls)) {
      wrapped[name] = (...args) => {
        this.count(name);
        return call(...args);
      };
    }
    return wrapped;
  }

  private count(name: string): void {
    for (const counts of [this.hostCalls, this.hostCallsTotal]) counts.set(name, (counts.get(name) ?? 0) + 1);
  }

  private map(type: number): [string, string][] | undefined {
    if (type === HeaderMapType.Request) return this.requestHeaders;
    return type === HeaderMapType.Response ? this.responseHeaders : undefined;
  }

  private env(): Record<string, Callback> {
    return { ...this.headerCalls(), ...this.metricCalls(), ...this.plainCalls() };
  }

  private headerCalls(): Record<string, Callback> {
    const edit = (type: number, change: (map: [string, string][]) => void): number => {
      const map = this.map(type);
      if (map === undefined) return Status.BadArgument;
      change(map);
      return Status.Ok;
    };
    const remove = (map: [string, string][], name: string): void => {
      for (let i = map.length - 1; i >= 0; i--) if (map[i]?.[0] === name) map.splice(i, 1);
    };
    return {
      proxy_get_header_map_value: (type = 0, name = 0, nameSize = 0, out = 0, outSize = 0) => {
        const found = this.map(type)?.find(([key]) => key === this.memory.text(name, nameSize));
        if (found === undefined) return this.map(type) === undefined ? Status.BadArgument : Status.NotFound;
        return this.memory.give(Buffer.from(found[1], "latin1"), out, outSize);
      },
      proxy_get_header_map_pairs: (type = 0, out = 0, outSize = 0) => {
        const map = this.map(type);
        if (map === undefined) return Status.BadArgument;
        return this.memory.give(encodePairs(map), out, outSize);
      },
      proxy_add_header_map_value: (type = 0, name = 0, nameSize = 0, value = 0, valueSize = 0) =>
        edit(type, (map) => map.push([this.memory.text(name, nameSize), this.memory.text(value, valueSize)])),
      proxy_remove_header_map_value: (type = 0, name = 0, nameSize = 0) =>
        edit(type, (map) => remove(map, this.memory.text(name, nameSize))),
      proxy_replace_header_map_value: (type = 0, name = 0, nameSize = 0, value = 0, valueSize = 0) =>
        edit(type, (map) => {
          const key = this.memory.text(name, nameSize);
          const first = map.find(([other]) => other === key);
          if (first === undefined) map.push([key, this.memory.text(value, valueSize)]);
          else first[1] = this.memory.text(value, valueSize);
        }),
    };
  }

  private metricCalls(): Record<string, Callback> {
    return {
      proxy_define_metric: (_type = 0, name = 0, nameSize = 0, id = 0) => {
        const text = this.memory.text(name, nameSize);
        let known = this.metricIds.get(text);
        if (known === undefined) {
          known = this.metricNames.push(text);
          this.metricIds.set(text, known);
          this.metrics.set(text, 0);
        }
        return this.memory.setWord(id, known);
      },
      proxy_increment_metric: (id = 0, offset = 0) => {
        const name = this.metricNames[id - 1];
        if (name === undefined || Number(offset) <= 0) return Status.BadArgument;
        this.metrics.set(name, (this.metrics.get(name) ?? 0) + Number(offset));
        return Status.Ok;
      },
      proxy_record_metric: (id = 0, value = 0) => {
        const name = this.metricNames[id - 1];
        if (name === undefined) return Status.BadArgument;
        this.metrics.set(name, Number(value));
        return Status.Ok;
      },
    };
  }

  private plainCalls(): Record<string, Callback> {
    return {
      proxy_log: (level = 0, message = 0, size = 0) => {
        this.logs.push({ level, text: this.memory.bytes(message, size).toString("utf8") });
        return Status.Ok;
      },
      proxy_get_log_level: (level = 0) => this.memory.setWord(level, LOG_LEVEL_INFO),
      proxy_set_effective_context: (id = 0) => (this.liveRoots.has(id) ? Status.Ok : Status.BadArgument),
      proxy_get_buffer_bytes: (type = 0, start = 0, size = 0, out = 0, outSize = 0) => {
        if (type !== PLUGIN_CONFIGURATION) return Status.NotFound;
        return this.memory.give(this.configuration.subarray(start, start + size), out, outSize);
      },
      proxy_get_property: (path = 0, size = 0, out = 0, outSize = 0) => {
        const value = this.properties[this.memory.text(path, size).replaceAll("\0", ".")];
        return value === undefined ? Status.NotFound : this.memory.give(Buffer.from(value), out, outSize);
      },
      proxy_send_local_response: (status = 0, details = 0, detailsSize = 0, body = 0, bodySize = 0) => {
        this.localReply = {
          status,
          details: this.memory.text(details, detailsSize),
          body: this.memory.text(body, bodySize),
        };
        return Status.Ok;
      },
    };
  }

  private randomGet(ptr: number, size: number): number {
    this.count("random_get");
    randomFillSync(this.memory.bytes(ptr, size));
    return 0;
  }
}

function encodePairs(map: HeaderList): Buffer {
  const sizes = Buffer.alloc(4 + map.length * 8);
  sizes.writeUInt32LE(map.length, 0);
  map.forEach(([name, value], i) => {
    sizes.writeUInt32LE(name.length, 4 + i * 8);
    sizes.writeUInt32LE(value.length, 8 + i * 8);
  });
  const data = map.map(([name, value]) => Buffer.from(`${name}\0${value}\0`, "latin1"));
  return Buffer.concat([sizes, ...data]);
}
