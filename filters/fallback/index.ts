// fallback: keeps good answers, and serves the last one where a new one fails.

import { FilterRoot, HttpContext, registerRootContext } from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { FallbackConfig } from "./config";
import { Plugin } from "./plugin";
import { FallbackStream } from "./stream";

export { proxy_on_http_call_response } from "../../assembly/exports/calls";
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
  proxy_on_response_body,
  proxy_on_response_headers,
} from "../../assembly/exports/stream";

@final
class FallbackRoot extends FilterRoot<FallbackConfig, Plugin> {
  override parse(root: ConfigNode): FallbackConfig {
    return new FallbackConfig(root);
  }

  override accept(config: FallbackConfig): Plugin {
    return new Plugin(config, this.pluginName, this);
  }

  override streamContext(plugin: Plugin): HttpContext {
    return new FallbackStream(plugin);
  }
}

registerRootContext((id: u32) => new FallbackRoot(id, "fallback"));
