// Attributes from Envoy's configuration: of the node, the route, the cluster, the plugin, and their
// metadata. Call each once, at the top level, and keep what it returns: a module holds only the
// attributes that it names.

import { IntegerAttribute, MetadataAttribute, TextAttribute } from "./types";

/** `xds.*` */
@final
export class XdsAttributes {
  /** Envoy's own id. */
  static nodeId(): TextAttribute {
    return new TextAttribute(["xds", "node", "id"]);
  }

  /** The cluster that Envoy itself belongs to. */
  static nodeCluster(): TextAttribute {
    return new TextAttribute(["xds", "node", "cluster"]);
  }

  /** The upstream cluster. Known once Envoy has chosen a route. */
  static clusterName(): TextAttribute {
    return new TextAttribute(["xds", "cluster_name"]);
  }

  /** The route. Known once Envoy has chosen one. */
  static routeName(): TextAttribute {
    return new TextAttribute(["xds", "route_name"]);
  }

  /** The virtual host. Known once Envoy has chosen a route. */
  static virtualHostName(): TextAttribute {
    return new TextAttribute(["xds", "virtual_host_name"]);
  }

  /** The listener's filter chain. */
  static filterChainName(): TextAttribute {
    return new TextAttribute(["xds", "filter_chain_name"]);
  }

  /** 0 unspecified, 1 inbound, 2 outbound. */
  static listenerDirection(): IntegerAttribute {
    return new IntegerAttribute(["xds", "listener_direction"]);
  }

  /** A key of the node's own metadata. */
  static nodeMetadata(key: string): MetadataAttribute {
    return new MetadataAttribute(["xds", "node", "metadata", key]);
  }

  /** A key in a namespace of the route's metadata. */
  static routeMetadata(namespace: string, key: string): MetadataAttribute {
    return new MetadataAttribute(["xds", "route_metadata", "filter_metadata", namespace, key]);
  }

  /** A key in a namespace of the virtual host's metadata. */
  static virtualHostMetadata(namespace: string, key: string): MetadataAttribute {
    return new MetadataAttribute(["xds", "virtual_host_metadata", "filter_metadata", namespace, key]);
  }

  /** A key in a namespace of the upstream cluster's metadata. */
  static clusterMetadata(namespace: string, key: string): MetadataAttribute {
    return new MetadataAttribute(["xds", "cluster_metadata", "filter_metadata", namespace, key]);
  }

  /** A key in a namespace of the listener's metadata. */
  static listenerMetadata(namespace: string, key: string): MetadataAttribute {
    return new MetadataAttribute(["xds", "listener_metadata", "filter_metadata", namespace, key]);
  }

  /** A key in a namespace of the upstream host's metadata. */
  static upstreamHostMetadata(namespace: string, key: string): MetadataAttribute {
    return new MetadataAttribute(["xds", "upstream_host_metadata", "filter_metadata", namespace, key]);
  }
}

/** `metadata`: values that filters set while the request is processed. */
@final
export class DynamicMetadata {
  /** A key in a namespace, which by custom is the name of the filter that sets it. */
  static value(namespace: string, key: string): MetadataAttribute {
    return new MetadataAttribute(["metadata", "filter_metadata", namespace, key]);
  }
}

/** The plugin's own settings. */
@final
export class PluginAttributes {
  /** `name` of the plugin's configuration. */
  static pluginName(): TextAttribute {
    return new TextAttribute(["plugin_name"]);
  }

  /** `root_id` of the plugin's configuration. */
  static rootId(): TextAttribute {
    return new TextAttribute(["plugin_root_id"]);
  }

  /** `vm_id` of the plugin's configuration. */
  static vmId(): TextAttribute {
    return new TextAttribute(["plugin_vm_id"]);
  }
}
