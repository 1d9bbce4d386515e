// The second part of the benchmark: modules in the in-process host, where a callback can be timed
// alone, a million streams take a minute, and twenty thousand can be open at once. The times
// include the host's share, which is the same for every module that makes the same host calls. To
// exclude it, compare with the module that does nothing.

import { join } from "node:path";
import { type HostedModule, loadModule } from "../../kit/host/load.js";
import { driveMemoryStreams } from "../../kit/host/memory-load.js";
import { hostProxy } from "../../kit/host/proxy.js";
import type { HeaderList } from "../../kit/traffic.js";
import { compileModule, modulePath } from "../../toolchain/compile/build.js";
import { equalityRules } from "./equality-rules.js";
import { buildHandWritten, FIVE_CALLBACKS, idle } from "./modules.js";
import { against, type Timed, type Timing, timeRounds } from "./rounds.js";

/** A module to time, with its configuration. */
export interface Subject {
  readonly name: string;
  /** The module's file. */
  readonly module: string;
  readonly configuration?: object;
  /** The plugin's `root_id`, if the module needs one. */
  readonly rootId?: string;
}

export interface InProcessOptions {
  /**
   * What is timed besides the module that does nothing: built filters, and modules that others
   * built.
   */
  readonly subjects: readonly Subject[];
  /** Where modules go that are compiled here. */
  readonly directory: string;
  /** How often each is timed. Default 30. */
  readonly rounds?: number;
  /** Batches of 100 streams a round. Default 20. */
  readonly batches?: number;
  /** Streams of the long run for memory. Default 1,000,000: about a minute. */
  readonly memoryStreams?: number;
  readonly onProgress?: (line: string) => void;
}

export interface MemoryFigure {
  readonly streams: number;
  /** Pages of 64 KiB after the short run, and after the long one. */
  readonly pages: number;
  readonly ratio: number;
}

export interface InProcessSummary {
  /**
   * Phases: request headers, response headers, end. The first entry is the module that does
   * nothing.
   */
  readonly callbacks: readonly Timing[];
  /** Streams with 64 KiB bodies, timers and calls: a short run, then a long one. */
  readonly memory: readonly [MemoryFigure, MemoryFigure];
  /**
   * The time of a stream with this many others open, in a filter that keeps state per stream. The
   * first entry has one.
   */
  readonly liveStreams: readonly Timing[];
  /** The same in the module that does nothing, which is the host's own share. */
  readonly liveStreamsHost: readonly Timing[];
  /**
   * The time of a request through the whole proxy in process, with this many filters that do
   * nothing. The first entry has one.
   */
  readonly wholeProxy: readonly Timing[];
  /**
   * The time of a stream with this many header-routing rules, none of which matches. The first
   * entry has one.
   */
  readonly rules: readonly Timing[];
}

export const IDLE = "does nothing, five callbacks";

const SHORT_RUN = 10_000;
const LIVE = [1, 1_000, 20_000] as const;
const CHAIN = [1, 2, 5] as const;
const RULES = [1, 10, 100, 1_000] as const;

/** A request as a mesh has it. */
const REQUEST: HeaderList = [
  [":authority", "shop.test"],
  [":path", "/shop/items?page=2"],
  [":method", "GET"],
  [":scheme", "http"],
  ["user-agent", "bench/1"],
  ["accept", "*/*"],
  ["x-user-id", "user-77"],
  ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
];
const RESPONSE: HeaderList = [
  [":status", "200"],
  ["content-type", "text/plain"],
  ["content-length", "2"],
];

/** Times the modules and measures their memory, one after the other, in this process. */
export async function runInProcess(options: InProcessOptions): Promise<InProcessSummary> {
  const { subjects, directory, rounds = 30, batches = 20, memoryStreams = 1_000_000 } = options;
  const onProgress = options.onProgress ?? (() => {});
  const [doesNothing] = await Promise.all([
    buildHandWritten(directory, "idle-in-process", idle(FIVE_CALLBACKS)),
    compileModule("test/probes/memory/index.ts", join(directory, "memory.wasm")),
  ]);
  onProgress("in process: callbacks");
  const callbacks = timeRounds(
    [{ name: IDLE, module: doesNothing }, ...subjects].map(inPhases),
    rounds,
    batches,
  );
  onProgress("in process: live streams");
  const stateful = { name: "memory", module: join(directory, "memory.wasm") };
  const live = [stateful, { name: IDLE, module: doesNothing }].flatMap((subject) =>
    LIVE.map((open) => withOpen(subject, open)),
  );
  const timings = timeRounds(live, rounds, batches);
  onProgress("in process: the whole proxy");
  const wholeProxy = timeRounds(
    CHAIN.map((filters) => throughProxy(doesNothing, filters)),
    rounds,
    batches,
  );
  onProgress("in process: rules");
  const rules = timeRounds(RULES.map(withRules), rounds, batches);
  onProgress(`in process: memory over ${memoryStreams.toLocaleString("en")} streams`);
  return {
    callbacks,
    memory: measureMemory(stateful, memoryStreams),
    liveStreams: timings.slice(0, LIVE.length),
    liveStreamsHost: against(timings.slice(LIVE.length)),
    wholeProxy,
    rules,
  };
}

function configured({ name, module, configuration = {}, rootId = "" }: Subject): HostedModule {
  const hosted = loadModule(module);
  const { accepted, logs } = hosted.configure(JSON.stringify(configuration), { rootId });
  if (!accepted) throw new Error(`${name} refuses its configuration: ${logs.join("; ")}`);
  return hosted;
}

/**
 * Opens all streams of a batch, then answers them all, then ends them all. Each phase is timed
 * separately.
 */
function inPhases(subject: Subject): Timed {
  const module = configured(subject);
  return {
    name: subject.name,
    runBatch(count) {
      const start = performance.now();
      const streams = Array.from({ length: count }, () => module.open(REQUEST, { endOfStream: true }));
      const opened = performance.now();
      for (const stream of streams) stream.responseHeaders(RESPONSE, true);
      const answered = performance.now();
      for (const stream of streams) stream.close();
      return [opened - start, answered - opened, performance.now() - answered];
    },
  };
}

/** Runs one stream after the other. */
function oneByOne(name: string, module: HostedModule, request: HeaderList): Timed {
  return {
    name,
    runBatch(count) {
      const start = performance.now();
      for (let i = 0; i < count; i++) {
        const stream = module.open(request, { endOfStream: true });
        stream.responseHeaders(RESPONSE, true);
        stream.close();
      }
      return [performance.now() - start];
    },
  };
}

function withOpen(subject: Subject, open: number): Timed {
  const module = configured(subject);
  const request: HeaderList = [...REQUEST, ["x-memory", "none"]];
  for (let i = 0; i < open; i++) module.open(request);
  return oneByOne(open.toLocaleString("en"), module, request);
}

function throughProxy(module: string, count: number): Timed {
  const filters = Array.from({ length: count }, (_, i) => ({ name: `filter-${i}`, module }));
  const proxy = hostProxy({ workers: 1, filters });
  const headers = REQUEST.filter(([name]) => !name.startsWith(":"));
  return {
    name: `${count}`,
    runBatch(requests) {
      const start = performance.now();
      for (let i = 0; i < requests; i++) proxy.request({ headers });
      return [performance.now() - start];
    },
  };
}

function withRules(count: number): Timed {
  const name = count.toLocaleString("en");
  const subject = { name, module: modulePath("header-routing"), configuration: equalityRules(count) };
  return oneByOne(name, configured(subject), REQUEST);
}

function measureMemory(subject: Subject, streams: number): readonly [MemoryFigure, MemoryFigure] {
  const module = configured(subject);
  const short = Math.min(SHORT_RUN, streams);
  driveMemoryStreams(module, short);
  const pages = module.pages;
  driveMemoryStreams(module, streams - short);
  return [
    { streams: short, pages, ratio: 1 },
    { streams, pages: module.pages, ratio: module.pages / pages },
  ];
}
