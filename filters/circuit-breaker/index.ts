// circuit-breaker: stops requests to an upstream that fails, and tries it again with a few.

import { Callback, FilterRoot, HttpContext, registerRootContext } from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { CircuitBreakerConfig } from "./config";
import { HostAttempt } from "./hosts/attempt";
import { Plugin } from "./plugin";
import { CircuitBreakerStream } from "./stream";

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
  proxy_on_response_trailers,
} from "../../assembly/exports/stream";

@final
class CircuitBreakerRoot extends FilterRoot<CircuitBreakerConfig, Plugin> {
  override parse(root: ConfigNode): CircuitBreakerConfig {
    return new CircuitBreakerConfig(root);
  }

  override neededCallbacks(config: CircuitBreakerConfig): u32 {
    const seen = Callback.RequestHeaders | Callback.ResponseHeaders | Callback.Delete;
    // Only a gRPC call's trailers say how it ended, and any request may be one.
    return config.isUpstream ? seen : seen | Callback.ResponseTrailers;
  }

  override accept(config: CircuitBreakerConfig): Plugin {
    return new Plugin(config, this.pluginName);
  }

  override streamContext(plugin: Plugin): HttpContext {
    return plugin.config.isUpstream ? new HostAttempt(plugin) : new CircuitBreakerStream(plugin);
  }
}

registerRootContext((id: u32) => new CircuitBreakerRoot(id, "circuit-breaker"));
