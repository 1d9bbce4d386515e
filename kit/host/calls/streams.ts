// Host calls that continue a stream, end it, or answer it.

import { Status, StreamType } from "../abi.js";
import { readPairs } from "../header-map.js";
import type { HostCalls, Vm } from "../vm.js";

const HIGHEST_GRPC_STATUS = 16;

export function streamCalls(vm: Vm): HostCalls {
  return {
    ...(vm.abi === "0.1.0" ? oldCalls(vm) : newCalls(vm)),
    proxy_send_local_response(
      status: number,
      details: number,
      detailsSize: number,
      body: number,
      bodySize: number,
      pairs: number,
      pairsSize: number,
      grpcStatus: number,
    ) {
      const { memory, context } = vm;
      context.sendLocalReply({
        status,
        details: memory.text(details, detailsSize).replaceAll(/[ \t\n\v\f\r]/g, "_"),
        body: memory.text(body, bodySize),
        headers: readPairs(memory.bytes(pairs, pairsSize)),
        ...(grpcStatus >= 0 && grpcStatus <= HIGHEST_GRPC_STATUS ? { grpcStatus } : {}),
      });
      vm.stopIteration();
      return Status.Ok;
    },
    proxy_set_effective_context: (id: number) => vm.setEffective(id),
    proxy_done: () => vm.context.root.done(),
  };
}

function newCalls(vm: Vm): HostCalls {
  const isStreamType = (type: number) => type >= 0 && type <= StreamType.Upstream;
  return {
    proxy_continue_stream: (type: number) =>
      isStreamType(type) ? vm.context.continueStream(type) : Status.BadArgument,
    proxy_close_stream: (type: number) =>
      isStreamType(type) ? vm.context.closeStream(type) : Status.BadArgument,
  };
}

/** Calls that only ABI 0.1.0 has. */
function oldCalls(vm: Vm): HostCalls {
  return {
    proxy_continue_request: () => vm.context.continueStream(StreamType.Request),
    proxy_continue_response: () => vm.context.continueStream(StreamType.Response),
    proxy_clear_route_cache: () => Status.Ok,
    proxy_get_configuration: (out: number, outSize: number) =>
      vm.memory.give(vm.context.root.configuration?.bytes() ?? vm.options.vmConfiguration, out, outSize),
  };
}
