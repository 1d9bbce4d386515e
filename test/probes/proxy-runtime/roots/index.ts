// Two plugins of one module, distinguished by their `root_id`. Each shows its own configuration,
// and what happened to it.

export * from "meshwright/proxy-runtime/proxy";

import {
  Context,
  FilterHeadersStatusValues,
  LogLevelValues,
  log,
  RootContext,
  registerRootContext,
  stream_context,
} from "meshwright/proxy-runtime";

class NamedRoot extends RootContext {
  name: string;

  constructor(context_id: u32, name: string) {
    super(context_id);
    this.name = name;
  }

  onStart(vm_configuration_size: usize): bool {
    log(LogLevelValues.warn, this.name + " started");
    return super.onStart(vm_configuration_size);
  }

  onConfigure(configuration_size: u32): bool {
    super.onConfigure(configuration_size);
    return !this.getConfiguration().includes("refuse");
  }

  onDone(): bool {
    log(LogLevelValues.warn, this.name + " done");
    return super.onDone();
  }

  createContext(context_id: u32): Context {
    return new NamedContext(context_id, this);
  }
}

class NamedContext extends Context {
  private root: NamedRoot;

  constructor(context_id: u32, root_context: NamedRoot) {
    super(context_id, root_context);
    this.root = root_context;
  }

  onResponseHeaders(a: u32, end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-" + this.root.name, this.root.getConfiguration());
    return FilterHeadersStatusValues.Continue;
  }

  onLog(): void {
    log(LogLevelValues.warn, this.root.name + " logged " + stream_context.headers.response.get(":status"));
  }

  onDelete(): void {
    log(LogLevelValues.warn, this.root.name + " deleted");
  }
}

registerRootContext((context_id: u32) => {
  return new NamedRoot(context_id, "first");
}, "first");
registerRootContext((context_id: u32) => {
  return new NamedRoot(context_id, "second");
}, "second");
