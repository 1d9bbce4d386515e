// Host calls that call other services.

import type { HeaderList } from "../../traffic.js";
import { Status } from "../abi.js";
import type { GrpcCall } from "../call-outs.js";
import { readPairs } from "../header-map.js";
import type { HostCalls, Vm } from "../vm.js";

export function callOutCalls(vm: Vm): HostCalls {
  return {
    proxy_http_call(
      cluster: number,
      clusterSize: number,
      pairs: number,
      pairsSize: number,
      body: number,
      bodySize: number,
      trailers: number,
      trailersSize: number,
      timeoutMs: number,
      out: number,
    ) {
      const { memory } = vm;
      const name = memory.text(cluster, clusterSize);
      const headers = lowerCase(readPairs(memory.bytes(pairs, pairsSize)));
      const content = memory.copy(body, bodySize);
      const trailing = lowerCase(readPairs(memory.bytes(trailers, trailersSize)));
      memory.setWord(out, 0);
      if (timeoutMs < 0 || vm.options.clusters?.has(name) === false || !isRequest(headers)) {
        return Status.BadArgument;
      }
      return memory.setWord(out, vm.context.root.callHttp(name, headers, content, trailing, timeoutMs));
    },
    ...grpcOpenCalls(vm),
    ...grpcOngoingCalls(vm),
  };
}

function grpcOpenCalls(vm: Vm): HostCalls {
  const open = (kind: GrpcCall["kind"], args: readonly number[], timeoutMs: number): GrpcCall | undefined => {
    const [service = 0, serviceSize = 0, name = 0, nameSize = 0, method = 0, methodSize = 0] = args;
    const [pairs = 0, pairsSize = 0] = args.slice(6);
    const { memory } = vm;
    const target = memory.copy(service, serviceSize);
    if (vm.options.clusters?.has(clusterOf(target)) === false) return undefined;
    return vm.context.root.callGrpc(
      kind,
      target,
      memory.text(name, nameSize),
      memory.text(method, methodSize),
      lowerCase(readPairs(memory.bytes(pairs, pairsSize))),
      timeoutMs,
    );
  };
  return {
    proxy_grpc_call(...args: number[]) {
      const [body = 0, bodySize = 0, timeoutMs = 0, out = 0] = args.slice(8);
      const message = vm.memory.copy(body, bodySize);
      const call = open("unary", args, timeoutMs);
      if (call === undefined) return Status.ParseFailure;
      call.messages.push(message);
      call.halfClosed = true;
      return vm.memory.setWord(out, call.token);
    },
    proxy_grpc_stream(...args: number[]) {
      const call = open("stream", args, 0);
      return call === undefined ? Status.ParseFailure : vm.memory.setWord(args[8] ?? 0, call.token);
    },
  };
}

const TOKEN_KIND_MASK = 3;
const STREAM_TOKEN = 2;

function grpcOngoingCalls(vm: Vm): HostCalls {
  const kindOf = (token: number) => token & TOKEN_KIND_MASK;
  const end = (token: number, finish: (call: GrpcCall) => void): number => {
    if (kindOf(token) !== 1 && kindOf(token) !== STREAM_TOKEN) return Status.BadArgument;
    const call = vm.context.root.grpcCalls.get(token);
    if (call === undefined) return Status.NotFound;
    finish(call);
    return Status.Ok;
  };
  const cancel = (call: GrpcCall): void => {
    call.cancelled = true;
    vm.context.root.forgetGrpc(call);
  };
  return {
    proxy_grpc_send(token: number, message: number, size: number, endStream: number) {
      const bytes = vm.memory.copy(message, size);
      if (kindOf(token) !== STREAM_TOKEN) return Status.BadArgument;
      const call = vm.context.root.grpcCalls.get(token);
      if (call === undefined) return Status.NotFound;
      call.messages.push(bytes);
      if (endStream !== 0) call.halfClosed = true;
      vm.host.services?.onGrpcMessage(call, bytes);
      return Status.Ok;
    },
    proxy_grpc_cancel: (token: number) => end(token, cancel),
    proxy_grpc_close: (token: number) =>
      end(token, (call) => {
        call.halfClosed = true;
        if (call.kind === "unary") cancel(call);
        else if (call.remoteClosed) vm.context.root.forgetGrpc(call);
      }),
  };
}

function lowerCase(list: HeaderList): HeaderList {
  return list.map(([name, value]) => [name.toLowerCase(), value]);
}

/** Envoy accepts `host` as the old name of `:authority`. */
function isRequest(headers: HeaderList): boolean {
  const names = new Set(headers.map(([name]) => name));
  return names.has(":method") && names.has(":path") && (names.has(":authority") || names.has("host"));
}

/** The cluster of a `GrpcService { envoy_grpc { cluster_name } }`, or the text itself. */
export function clusterOf(service: Buffer): string {
  const inner = service[0] === 0x0a && service[2] === 0x0a && service[1] === service.length - 2;
  return inner ? service.toString("latin1", 4, 4 + (service[3] ?? 0)) : service.toString("latin1");
}
