// Host calls about what VMs share: data, queues and metrics.

import { MetricType, Status } from "../abi.js";
import type { HostCalls, Vm } from "../vm.js";

export function serviceCalls(vm: Vm): HostCalls {
  return { ...dataCalls(vm), ...queueCalls(vm), ...metricCalls(vm) };
}

function dataCalls(vm: Vm): HostCalls {
  const data = vm.host.sharedDataOf(vm.options.vmId);
  return {
    proxy_get_shared_data(key: number, size: number, out: number, outSize: number, cas: number) {
      const found = data.get(vm.memory.text(key, size));
      if (found === undefined) return Status.NotFound;
      vm.memory.give(found.value, out, outSize);
      return vm.memory.setWord(cas, found.cas);
    },
    proxy_set_shared_data: (key: number, size: number, value: number, valueSize: number, cas: number) =>
      data.set(vm.memory.text(key, size), vm.memory.copy(value, valueSize), cas >>> 0),
  };
}

function queueCalls(vm: Vm): HostCalls {
  return {
    proxy_register_shared_queue(name: number, size: number, out: number) {
      const rootId = vm.context.root.id;
      const onReady = (token: number) => vm.postQueueReady(rootId, token);
      const token = vm.host.sharedQueues.register(vm.options.vmId, vm.memory.text(name, size), onReady);
      return vm.memory.setWord(out, token);
    },
    proxy_resolve_shared_queue(vmId: number, vmIdSize: number, name: number, size: number, out: number) {
      const owner = vm.memory.text(vmId, vmIdSize) || vm.options.vmId;
      const token = vm.host.sharedQueues.resolve(owner, vm.memory.text(name, size));
      return token === 0 ? Status.NotFound : vm.memory.setWord(out, token);
    },
    proxy_enqueue_shared_queue: (token: number, data: number, size: number) =>
      vm.host.sharedQueues.enqueue(token, vm.memory.copy(data, size)),
    proxy_dequeue_shared_queue(token: number, out: number, outSize: number) {
      const entry = vm.host.sharedQueues.dequeue(token);
      return typeof entry === "number" ? entry : vm.memory.give(entry, out, outSize);
    },
  };
}

function metricCalls(vm: Vm): HostCalls {
  const { metrics } = vm.host;
  return {
    proxy_define_metric(type: number, name: number, size: number, out: number) {
      const text = vm.memory.text(name, size);
      if (type >>> 0 > MetricType.Histogram) return Status.BadArgument;
      return vm.memory.setWord(out, metrics.define(type, text));
    },
    proxy_increment_metric: (id: number, offset: bigint) => metrics.increment(id, Number(offset)),
    proxy_record_metric: (id: number, value: bigint) => metrics.record(id, Number(BigInt.asUintN(64, value))),
    proxy_get_metric(id: number, out: number) {
      const { status, value } = metrics.get(id);
      return status === Status.Ok ? vm.memory.setLong(out, BigInt(value)) : status;
    },
  };
}
