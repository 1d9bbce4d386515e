// An `envoy.yaml` as an operator has it, for tests of `render envoy --patch`.

export interface OwnEnvoyOptions {
  readonly port: number;
  readonly admin: number;
  /** The ports of the clusters `orders` and `orders-v2`. */
  readonly upstreams: readonly [number, number];
}

/** The key of the tokens: `{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}` is the word "secret". */
export function ownEnvoy({ port, admin, upstreams: [orders, v2] }: OwnEnvoyOptions): string {
  return `# The edge of the shop. Ask the platform team before you change it.
admin: { address: { socket_address: { address: 127.0.0.1, port_value: ${admin} } } }
static_resources:
  listeners:
    - name: public   # behind the load balancer
      address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
      filter_chains:
      - filters:
        - name: envoy.filters.network.http_connection_manager
          typed_config:
            '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
            stat_prefix: public
            normalize_path: true
            merge_slashes: true
            path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT
            route_config:
              virtual_hosts:
              - name: shop
                domains: ['*']
                routes:
                # the load balancer asks this
                - match: { path: /healthz }
                  direct_response: { status: 204 }
                - match: { prefix: /static }
                  direct_response: { status: 200, body: { inline_string: static } }
                - match: { prefix: / }
                  route: { cluster: orders, retry_policy: { retry_on: 5xx, num_retries: 1 } }
            http_filters:
            - name: envoy.filters.http.jwt_authn
              typed_config:
                '@type': type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
                providers:
                  shop: { issuer: shop, local_jwks: { inline_string: '{"keys":[{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}]}' } }
                rules: [{ match: { prefix: /private }, requires: { provider_name: shop } }]
            - name: envoy.filters.http.lua
              typed_config:
                '@type': type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                default_source_code: { inline_string: "function envoy_on_request(h) h:headers():add('x-group', 'lua') end" }
            # nothing may stand behind it
            - name: envoy.filters.http.router
              typed_config: { '@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
    - name: orders
      type: STATIC
      load_assignment: { cluster_name: orders, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${orders} } } } }] }] }
    - name: orders-v2
      type: STATIC
      load_assignment: { cluster_name: orders-v2, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${v2} } } } }] }] }
`;
}
