// fault-injection: delays, aborts, black-holes and spoils a share of the traffic.

import { FilterRoot, HttpContext, registerRootContext } from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { FaultInjectionConfig } from "./config";
import { FaultEngine } from "./engine";
import { FaultStream } from "./stream";

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
  proxy_on_request_body,
  proxy_on_request_headers,
  proxy_on_response_body,
  proxy_on_response_headers,
  proxy_on_response_trailers,
} from "../../assembly/exports/stream";

@final
class FaultInjectionRoot extends FilterRoot<FaultInjectionConfig, FaultEngine> {
  override parse(root: ConfigNode): FaultInjectionConfig {
    return new FaultInjectionConfig(root);
  }

  override neededCallbacks(config: FaultInjectionConfig): u32 {
    return config.neededCallbacks();
  }

  override accept(config: FaultInjectionConfig): FaultEngine {
    return new FaultEngine(config, this.pluginName);
  }

  override streamContext(engine: FaultEngine): HttpContext {
    return new FaultStream(this, engine);
  }
}

registerRootContext((id: u32) => new FaultInjectionRoot(id, "fault-injection"));
