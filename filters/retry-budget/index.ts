// retry-budget: retries of Envoy's router are at most a share of the requests.

import {
  Bytes,
  FilterRoot,
  HttpContext,
  PluginAttributes,
  randomBytes,
  registerRootContext,
} from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { sharedSeed } from "../../assembly/rules";
import { Attempt } from "./attempt";
import { RetryBudgetConfig } from "./config";
import { Plugin } from "./plugin";
import { Request } from "./request";

export {
  left_out_callbacks,
  malloc,
  needed_callbacks,
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_tick,
} from "../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../assembly/exports/stream";

const VM_ID = PluginAttributes.vmId();

@final
class RetryBudgetRoot extends FilterRoot<RetryBudgetConfig, Plugin> {
  override parse(root: ConfigNode): RetryBudgetConfig {
    return new RetryBudgetConfig(root);
  }

  override accept(config: RetryBudgetConfig): Plugin {
    const name = this.pluginName.toString();
    const vm = load<u64>(randomBytes(8));
    const secret = sharedSeed();
    const vmId = VM_ID.read();
    const id = vmId ? vmId.copy() : Bytes.owned(0);
    for (let i = 0; i < config.budgets.length; i++)
      config.budgets[i].open(name, vm, id, secret, config.explainProperty);
    return new Plugin(this, config, name);
  }

  override streamContext(plugin: Plugin): HttpContext {
    return plugin.config.isDownstream ? new Request(plugin) : new Attempt(plugin);
  }
}

registerRootContext((id: u32) => new RetryBudgetRoot(id, "retry-budget"));
