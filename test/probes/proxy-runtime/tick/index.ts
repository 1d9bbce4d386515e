// Streams that wait for the next tick of their plugin.

export * from "meshwright/proxy-runtime/proxy";

import {
  Context,
  FilterHeadersStatusValues,
  RootContext,
  registerRootContext,
  stream_context,
} from "meshwright/proxy-runtime";
import { set_tick_period_milliseconds } from "meshwright/proxy-runtime/runtime";

class TickRoot extends RootContext {
  ticks: u32 = 0;
  waiting: Array<TickContext> = [];

  onConfigure(configuration_size: u32): bool {
    super.onConfigure(configuration_size);
    set_tick_period_milliseconds(20);
    return true;
  }

  onTick(): void {
    this.ticks++;
    const waiting = this.waiting;
    this.waiting = [];
    for (let i = 0; i < waiting.length; i++) waiting[i].wake();
  }

  createContext(context_id: u32): Context {
    return new TickContext(context_id, this);
  }
}

class TickContext extends Context {
  private root: TickRoot;
  private asleep: u32 = 0;

  constructor(context_id: u32, root_context: TickRoot) {
    super(context_id, root_context);
    this.root = root_context;
  }

  onRequestHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    if (stream_context.headers.request.get("x-wait") == "") return FilterHeadersStatusValues.Continue;
    this.asleep = this.root.ticks;
    this.root.waiting.push(this);
    return FilterHeadersStatusValues.StopIteration;
  }

  wake(): void {
    this.setEffectiveContext();
    stream_context.headers.request.add("x-woken", "1");
    this.continueRequest();
  }

  onResponseHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const slept = this.root.ticks - this.asleep;
    stream_context.headers.response.add("x-slept", slept > 0 ? "yes" : "no");
    stream_context.headers.response.add("x-configuration", this.root.getConfiguration());
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((context_id: u32) => {
  return new TickRoot(context_id);
}, "probe");
