// deadline: requests have only as much time as their callers wait.

import { FilterRoot, HttpContext, registerRootContext } from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { Attempt } from "./attempt";
import { DeadlineConfig } from "./config";
import { Plugin } from "./plugin";
import { Request } from "./request";

export {
  left_out_callbacks,
  malloc,
  needed_callbacks,
  proxy_abi_version_0_2_1,
  proxy_on_configure,
} from "../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../assembly/exports/stream";

@final
class DeadlineRoot extends FilterRoot<DeadlineConfig, Plugin> {
  override parse(root: ConfigNode): DeadlineConfig {
    return new DeadlineConfig(root);
  }

  override neededCallbacks(config: DeadlineConfig): u32 {
    return config.neededCallbacks();
  }

  override accept(config: DeadlineConfig): Plugin {
    return new Plugin(config);
  }

  override streamContext(plugin: Plugin): HttpContext {
    return plugin.config.isUpstream ? new Attempt(plugin) : new Request(plugin);
  }
}

registerRootContext((id: u32) => new DeadlineRoot(id, "deadline"));
