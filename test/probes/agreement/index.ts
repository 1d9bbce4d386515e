// A filter that does what its configuration says, for the scenarios that are compared with stock
// Envoy: `"qh: get 0 x-a; ret 1 | qb$: body 0 0 9"`. Each part of the plan is for one callback. Its
// steps are host calls. Every callback and every call is a line of the log.

import {
  proxy_get_buffer_bytes,
  proxy_set_effective_context,
  proxy_set_tick_period_milliseconds,
} from "@solo-io/proxy-runtime/assembly/imports";
import "../../../assembly/abi/abort";
import { perform, say, speakAs } from "./steps";

const PLUGIN_CONFIGURATION: u32 = 7;
const out = memory.data(8, 4);

/** The plan of a plugin, by callback. */
class Plan {
  readonly tasks: string[] = [];
  readonly taskStreams: u32[] = [];
  readonly ids: u32[] = [];
  readonly tokens: u32[] = [];
  name: string = "";
  /** The stream that acted last, which the answers to calls are about. */
  stream: u32 = 0;
  private readonly keys: string[] = [];
  private readonly parts: string[] = [];

  constructor(
    readonly id: u32,
    text: string,
  ) {
    const parts = text.split(" | ");
    for (let i = 0; i < parts.length; i++) {
      const at = parts[i].indexOf(": ");
      if (at < 0) continue;
      this.keys.push(parts[i].substring(0, at));
      this.parts.push(parts[i].substring(at + 2));
    }
    this.name = this.find("name");
  }

  find(key: string): string {
    const at = this.keys.indexOf(key);
    return at < 0 ? "" : this.parts[at];
  }
}

class Stream {
  /** The number of callbacks so far, by name. */
  readonly counts: Map<string, i32> = new Map();

  constructor(readonly plan: Plan) {}
}

const plans: Map<u32, Plan> = new Map();
const streams: Map<u32, Stream> = new Map();

/**
 * Performs steps to the end, or up to `later`; the steps behind it wait for the next tick. `ret N`
 * is what the callback returns.
 */
function run(plan: Plan, stream: u32, text: string, result: u32): u32 {
  if (stream != 0) plan.stream = stream;
  const steps = text.split("; ");
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i];
    if (step == "") continue;
    if (step.startsWith("ret ")) result = <u32>parseInt(step.substring(4), 10);
    else if (step == "eff root") say(step + " -> " + proxy_set_effective_context(plan.id).toString());
    else if (step == "eff stream") say(step + " -> " + proxy_set_effective_context(plan.stream).toString());
    else if (step.startsWith("later ")) {
      plan.tasks.push(steps.slice(i + 1).join("; "));
      plan.taskStreams.push(stream);
      proxy_set_effective_context(plan.id);
      proxy_set_tick_period_milliseconds(<u32>parseInt(step.substring(6), 10));
      proxy_set_effective_context(stream == 0 ? plan.id : stream);
      break;
    } else if (!perform(step)) say("no such step: " + step);
  }
  return result;
}

/** A callback of a plugin. */
function ofRoot(id: u32, name: string, text: string, result: u32 = 0): u32 {
  if (!plans.has(id)) return result;
  const plan = plans.get(id);
  speakAs(plan.name, plan.ids, plan.tokens);
  say(name + text);
  return run(plan, 0, plan.find(name), result);
}

/**
 * A callback of a stream. `NAME2` is for the second call of it, `NAME$` for the last one, `NAME`
 * for any other.
 */
function ofStream(id: u32, name: string, text: string, ends: bool, result: u32 = 0): u32 {
  if (!streams.has(id)) return result;
  const stream = streams.get(id);
  const count = (stream.counts.has(name) ? stream.counts.get(name) : 0) + 1;
  stream.counts.set(name, count);
  speakAs(stream.plan.name, stream.plan.ids, stream.plan.tokens);
  say(name + text);
  let steps = stream.plan.find(name + count.toString());
  if (steps == "" && ends) steps = stream.plan.find(name + "$");
  if (steps == "") steps = stream.plan.find(name);
  return run(stream.plan, id, steps, result);
}

export function proxy_abi_version_0_2_1(): void {}

export function malloc(size: usize): usize {
  return heap.alloc(size);
}

export function proxy_on_context_create(id: u32, parentId: u32): void {
  if (parentId == 0 || !plans.has(parentId)) return;
  streams.set(id, new Stream(plans.get(parentId)));
  ofStream(id, "create", "", false);
}

export function proxy_on_configure(rootId: u32, size: u32): u32 {
  let text = "";
  if (size > 2 && proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, out, out + 4) == 0) {
    text = String.UTF8.decodeUnsafe(load<usize>(out) + 1, load<usize>(out, 4) - 2);
  }
  plans.set(rootId, new Plan(rootId, text));
  return ofRoot(rootId, "conf", "", 1);
}

export function proxy_on_tick(rootId: u32): void {
  if (!plans.has(rootId)) return;
  const plan = plans.get(rootId);
  proxy_set_tick_period_milliseconds(0);
  ofRoot(rootId, "tick", "");
  const tasks = plan.tasks.splice(0);
  const ids = plan.taskStreams.splice(0);
  for (let i = 0; i < tasks.length; i++) {
    if (ids[i] != 0) say("back -> " + proxy_set_effective_context(ids[i]).toString());
    run(plan, ids[i], tasks[i], 0);
  }
}

export function proxy_on_request_headers(id: u32, count: u32, end: u32): u32 {
  return ofStream(id, "qh", ` ${count} ${end}`, end != 0);
}

export function proxy_on_request_body(id: u32, size: u32, end: u32): u32 {
  return ofStream(id, "qb", ` ${size} ${end}`, end != 0);
}

export function proxy_on_request_trailers(id: u32, count: u32): u32 {
  return ofStream(id, "qt", ` ${count}`, true);
}

export function proxy_on_response_headers(id: u32, count: u32, end: u32): u32 {
  return ofStream(id, "sh", ` ${count} ${end}`, end != 0);
}

export function proxy_on_response_body(id: u32, size: u32, end: u32): u32 {
  return ofStream(id, "sb", ` ${size} ${end}`, end != 0);
}

export function proxy_on_response_trailers(id: u32, count: u32): u32 {
  return ofStream(id, "st", ` ${count}`, true);
}

export function proxy_on_log(id: u32): void {
  ofStream(id, "log", "", false);
}

export function proxy_on_done(id: u32): u32 {
  return plans.has(id) ? ofRoot(id, "end", "", 1) : ofStream(id, "done", "", false, 1);
}

export function proxy_on_delete(id: u32): void {
  if (plans.has(id)) {
    ofRoot(id, "gone", "");
    plans.delete(id);
  } else {
    ofStream(id, "delete", "", false);
    streams.delete(id);
  }
}

export function proxy_on_http_call_response(
  rootId: u32,
  token: u32,
  headers: u32,
  size: u32,
  trailers: u32,
): void {
  ofRoot(rootId, "call", ` ${headers} ${size} ${trailers}`);
}

export function proxy_on_grpc_receive_initial_metadata(rootId: u32, token: u32, headers: u32): void {
  ofRoot(rootId, "gim", ` ${headers}`);
}

export function proxy_on_grpc_receive(rootId: u32, token: u32, size: u32): void {
  ofRoot(rootId, "grx", ` ${size}`);
}

export function proxy_on_grpc_receive_trailing_metadata(rootId: u32, token: u32, headers: u32): void {
  ofRoot(rootId, "gtm", ` ${headers}`);
}

export function proxy_on_grpc_close(rootId: u32, token: u32, status: u32): void {
  ofRoot(rootId, "gcl", ` ${status}`);
}

export function proxy_on_queue_ready(rootId: u32, queue: u32): void {
  ofRoot(rootId, "queue", "");
}

export function proxy_on_foreign_function(rootId: u32, functionId: u32, size: u32): void {
  ofRoot(rootId, "foreign", ` ${functionId} ${size}`);
}
