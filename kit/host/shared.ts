// What all VMs of one `vm_id` share: data with compare-and-set, and queues.

import { Status } from "./abi.js";

interface SharedValue {
  readonly value: Buffer;
  readonly cas: number;
}

/** As in Envoy, nothing deletes a key and no key expires. */
export class SharedData {
  private readonly values = new Map<string, SharedValue>();
  private nextCas = 1;

  /** Keys and values as text, for tests. */
  get entries(): ReadonlyMap<string, string> {
    return new Map([...this.values].map(([key, { value }]) => [key, value.toString("latin1")]));
  }

  get(key: string): SharedValue | undefined {
    return this.values.get(key);
  }

  /** A compare-and-set on an absent key is not checked, nor is one with `cas` 0. */
  set(key: string, value: Buffer, cas = 0): number {
    const known = this.values.get(key);
    if (known !== undefined && cas !== 0 && cas !== known.cas) return Status.CasMismatch;
    this.values.set(key, { value, cas: this.nextCas++ });
    return Status.Ok;
  }
}

interface Queue {
  readonly entries: Buffer[];
  /** Tells the root context that registered last. */
  onReady: () => void;
}

export class SharedQueues {
  private readonly tokens = new Map<string, number>();
  private readonly queues: Queue[] = [];

  /** Returns the queue's token. A queue that is registered again keeps its entries. */
  register(vmId: string, name: string, onReady: (token: number) => void): number {
    const key = `${vmId}\0${name}`;
    const token = this.tokens.get(key) ?? this.queues.push({ entries: [], onReady: () => {} });
    this.tokens.set(key, token);
    const queue = this.queues[token - 1];
    if (queue !== undefined) queue.onReady = () => onReady(token);
    return token;
  }

  /** The token, or 0 when nobody registered that queue. */
  resolve(vmId: string, name: string): number {
    return this.tokens.get(`${vmId}\0${name}`) ?? 0;
  }

  enqueue(token: number, value: Buffer): number {
    const queue = this.queues[token - 1];
    if (queue === undefined) return Status.NotFound;
    queue.entries.push(value);
    queue.onReady();
    return Status.Ok;
  }

  /** The oldest entry, or the status when there is none. */
  dequeue(token: number): Buffer | number {
    const queue = this.queues[token - 1];
    if (queue === undefined) return Status.NotFound;
    return queue.entries.shift() ?? Status.Empty;
  }
}
