// A worker thread of the proxy, with its VMs and their plugins. Envoy's main thread counts as one
// too.

import type { Context } from "./context.js";
import type { Host, HostSettings } from "./host.js";
import type { Trap } from "./trap.js";
import { Vm } from "./vm.js";

/** What a VM is made of. Plugins with equal sources share it on a worker. */
export interface VmSource {
  readonly key: string;
  readonly module: WebAssembly.Module;
  readonly path: string;
  readonly settings: HostSettings;
}

/** Called with every trap. */
export type OnTrap = (trap: Trap, context: Context, callback: string) => void;

export class Worker {
  private readonly vms = new Map<string, Vm>();

  constructor(
    /** From 0; -1 is the main thread, which serves no request. */
    readonly index: number,
    private readonly host: Host,
    private readonly onTrap: OnTrap,
  ) {}

  /** The VM for this source: the running one, or a new one when there is none or it has ended. */
  vmOf(source: VmSource): Vm {
    const known = this.vms.get(source.key);
    if (known !== undefined && !known.hasEnded) return known;
    const vm = this.newVm(source);
    this.vms.set(source.key, vm);
    return vm;
  }

  /** A VM that no plugin finds by its key. */
  newVm({ module, settings, path }: VmSource): Vm {
    const vm = new Vm(module, this.host, settings, path);
    vm.onTrap = this.onTrap;
    vm.worker = this.index;
    return vm;
  }
}
