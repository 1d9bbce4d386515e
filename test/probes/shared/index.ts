// A filter for the tests of shared data and shared queues in stock Envoy. It does what the
// request's `x-do` header says, with the key in `x-key`.

import {
  Bytes,
  dequeue,
  enqueue,
  FilterHeadersStatus,
  HttpContext,
  RootContext,
  registerRootContext,
  registerSharedQueue,
  requestHeaders,
  resolveSharedQueue,
  responseHeaders,
  SharedData,
  SharedUpdater,
} from "../../../assembly";

export {
  malloc,
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_queue_ready,
} from "../../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../../assembly/exports/stream";

const DO = Bytes.of("x-do");
const KEY = Bytes.of("x-key");
const SAW = Bytes.of("x-saw");
const QUEUE = Bytes.of("entries");
const VM_ID = Bytes.of("shared");
const EMPTY = Bytes.of("");
const ONE = Bytes.of("one");
const TAKEN = new SharedData(Bytes.of("taken"));
const ADD = 50;

function shown(value: Bytes | null): string {
  return value ? `"${value.toString()}"` : "null";
}

/** Increments a number of eight bytes. */
@final
class Increment extends SharedUpdater {
  private readonly sum: Bytes = Bytes.owned(8);

  compute(old: Bytes | null): Bytes | null {
    store<u64>(this.sum.ptr, (old && old.size == 8 ? load<u64>(old.ptr) : 0) + 1);
    return this.sum;
  }
}

/** Wants no change. */
@final
class Leave extends SharedUpdater {
  compute(old: Bytes | null): Bytes | null {
    return null;
  }
}

/** Acts as another worker that always comes first. */
@final
class Hindered extends SharedUpdater {
  calls: i32 = 0;

  constructor(private readonly key: Bytes) {
    super();
  }

  compute(old: Bytes | null): Bytes | null {
    this.calls++;
    new SharedData(this.key).set(ONE);
    return EMPTY;
  }
}

const increment = new Increment();

function numberIn(value: Bytes | null): string {
  return value && value.size == 8 ? load<u64>(value.ptr).toString() : shown(value);
}

class Probe extends HttpContext {
  private saw: string = "";

  constructor(private readonly queue: u32) {
    super();
  }

  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const command = requestHeaders.get(DO);
    const key = requestHeaders.get(KEY);
    this.saw = this.obey(command ? command.toString() : "", key ? key.copy() : EMPTY);
    return FilterHeadersStatus.Continue;
  }

  onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    responseHeaders.add(SAW, Bytes.of(this.saw));
    return FilterHeadersStatus.Continue;
  }

  private obey(command: string, key: Bytes): string {
    const data = new SharedData(key);
    if (command == "add") return this.add(data, 1);
    if (command == "add-often") return this.add(data, ADD);
    if (command == "number") return numberIn(data.get());
    if (command == "get") return shown(data.get());
    if (command == "set-empty") return `${data.set(EMPTY)} ${shown(data.get())}`;
    if (command == "set-large") return `${data.set(Bytes.owned(1_000_000))} ${sizeOf(data.get())}`;
    if (command == "compare") return this.compare(data, new SharedData(key));
    if (command == "leave") return `${data.update(new Leave(), 3)} ${shown(data.get())}`;
    if (command == "no-attempts") return `${data.update(increment, 0)} ${shown(data.get())}`;
    if (command == "hindered") {
      const hindered = new Hindered(key);
      return `${data.update(hindered, 3)} ${hindered.calls} ${shown(data.get())}`;
    }
    if (command == "enqueue") return `${enqueue(this.queue, key)}`;
    if (command == "taken") return numberIn(TAKEN.get());
    if (command == "queues") return this.queues();
    return "";
  }

  private add(data: SharedData, times: i32): string {
    let gaveUp = 0;
    for (let i = 0; i < times; i++) {
      if (data.update(increment, 1000) != 0) gaveUp++;
    }
    return `${gaveUp}`;
  }

  /** Compares two objects for one key, each of which misses the other's changes. */
  private compare(data: SharedData, other: SharedData): string {
    let seen = `${shown(data.get())} ${shown(other.get())}`;
    seen += ` ${other.compareAndSet(ONE)} ${data.compareAndSet(EMPTY)} ${shown(data.get())}`;
    seen += ` ${data.compareAndSet(EMPTY)} ${data.compareAndSet(ONE)} ${shown(other.get())}`;
    return seen;
  }

  private queues(): string {
    const fresh = registerSharedQueue(Bytes.of("nobody listens"));
    const unknown = resolveSharedQueue(VM_ID, Bytes.of("no such queue"));
    const other = resolveSharedQueue(Bytes.of("no such vm"), QUEUE);
    let seen = `${resolveSharedQueue(VM_ID, QUEUE) == this.queue} ${unknown} ${other}`;
    seen += ` ${enqueue(4_000_000_000, ONE)} ${shown(dequeue(4_000_000_000))} ${shown(dequeue(fresh))}`;
    enqueue(fresh, ONE);
    enqueue(fresh, EMPTY);
    return `${seen} ${shown(dequeue(fresh))} ${shown(dequeue(fresh))} ${shown(dequeue(fresh))}`;
  }
}

function sizeOf(value: Bytes | null): i32 {
  return value ? value.size : -1;
}

class ProbeRoot extends RootContext {
  private queue: u32 = 0;

  onConfigure(configuration: Bytes): bool {
    this.queue = registerSharedQueue(QUEUE);
    return this.queue != 0;
  }

  onQueueReady(queue: u32): void {
    if (queue != this.queue) return;
    while (dequeue(queue)) TAKEN.update(increment, 1000);
  }

  createHttpContext(): HttpContext {
    return new Probe(this.queue);
  }
}

registerRootContext((id: u32) => new ProbeRoot(id));
