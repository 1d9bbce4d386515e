// Every host call in every callback, with valid and with invalid arguments.

import { type Plan, probe, type Scenario } from "../scenario.js";

/**
 * Where steps run: in a callback of the stream, or in one of the plugin, after which the stream
 * goes on.
 */
const PLACES: Readonly<Record<string, (steps: string) => Plan>> = {
  configure: (steps) => ({ conf: steps }),
  "context create": (steps) => ({ create: steps }),
  "request headers": (steps) => ({ qh: steps }),
  "request body": (steps) => ({ qb1: steps }),
  "request body, held to its end": (steps) => ({ qb1: "ret 1", qb: steps }),
  "request trailers": (steps) => ({ qt: steps }),
  "response headers": (steps) => ({ sh: steps }),
  "response body": (steps) => ({ sb1: steps }),
  "response body, held to its end": (steps) => ({ sb1: "ret 1", sb2: steps }),
  "response trailers": (steps) => ({ st: steps }),
  log: (steps) => ({ log: steps }),
  done: (steps) => ({ done: steps }),
  delete: (steps) => ({ delete: steps }),
  "tick, of a paused request": (steps) => ({ qh: `ret 1; later 60; ${steps}; cont 0` }),
  "tick, of the plugin": (steps) => ({ qh: `ret 1; later 60; eff root; ${steps}; eff stream; cont 0` }),
  "answer to a call": (steps) => ({
    qh: "ret 1; http other :method=GET,:path=/call,:authority=other ~ ~ 1000",
    call: `${steps}; eff stream; cont 0`,
  }),
};

const EDITS = (map: number) =>
  [
    `get ${map} x-in`,
    `get ${map} x-missing`,
    `get ${map} ~`,
    `get ${map} !`,
    // Envoy's own header for the time that the upstream took may be one digit longer.
    ...(map === 2 || map === 6 ? [] : [`size ${map}`]),
    `pairs ${map}`,
    `add ${map} X-New 1`,
    `add ${map} x-new 2`,
    `get ${map} x-new`,
    `set ${map} X-NEW 3`,
    `set ${map} x-other 4`,
    `del ${map} x-in`,
    `del ${map} x-missing`,
    `add ${map} x-empty ~`,
    `get ${map} x-empty`,
    `add ${map} x-out !`,
    `set ${map} ! 1`,
    `size ${map} >!`,
    `get ${map} x-new >!`,
    `pairs ${map} >!`,
    `pairs ${map}`,
  ].join("; ");

const BUFFERS = [
  ...[0, 1, 4, 5, 6, 8, 9].flatMap((type) => [`bodysize ${type}`, `body ${type} 0 1000`, `body ${type} 1 2`]),
  "body 0 100 5",
  "body 0 4294967295 4294967295",
  "body 1 2 4294967295",
  "body 0 0 1000 >!",
  "bodysize 0 >!",
  ...[2, 3, 4, 5, 6, 7, 8, 9].map((type) => `write ${type} 0 0 x`),
].join("; ");

const METRICS = [
  "met 0 count{id}",
  "met 1 gauge{id}",
  "met 2 histogram{id}",
  ...[0, 1, 2].flatMap((id) => [
    `inc $${id} 5`,
    `inc $${id} 0`,
    `inc $${id} -2`,
    `rec $${id} 7`,
    `mget $${id}`,
  ]),
  "met 0 count{id}",
  "mget $3",
  "met 1 gauge{id}",
  "mget $4",
  "met 3 none{id}",
  "met -1 none{id}",
  "met 0 ~",
  "met 0 !",
  "met 0 count{id} >!",
  "mget $0 >!",
  ...[4_000_000, 4_000_001, 4_000_002, 4_000_003].flatMap((id) => [
    `inc ${id} 1`,
    `rec ${id} 1`,
    `mget ${id}`,
  ]),
].join("; ");

const SHARED = [
  "sget key{id}",
  "sset key{id} one 7",
  "sget key{id}",
  "sset key{id} two 4000000",
  "sset key{id} three cas",
  "sget key{id}",
  "sset key{id} four 0",
  "sset key{id} ~ cas",
  "sget key{id}",
  "sset key{id} ! 0",
  "sset ! one 0",
  "sget !",
  "sget key{id} >!",
  "sset %00{id} one 0",
  "sget %00{id}",
].join("; ");

const QUEUES = [
  "qres ~ queue{id}",
  "qreg queue{id}",
  "qout $0",
  "qin $0 one",
  "qin $0 ~",
  "qout $0",
  "qout $0",
  "qout $0",
  "qreg queue{id}",
  "qin $1 two",
  "qout $0",
  "qres ~ queue{id}",
  "qres nobody queue{id}",
  "qin 4000000 x",
  "qout 4000000",
  "qin $0 !",
  "qreg !",
  "qres ~ !",
  "qreg queue{id} >!",
].join("; ");

const PROPERTIES = [
  "plugin_name",
  "plugin_root_id",
  "plugin_vm_id",
  "cluster_name",
  "route_name",
  "listener_direction",
  "node.id",
  "request.path",
  "request.url_path",
  "request.host",
  "request.scheme",
  "request.method",
  "request.headers.x-in",
  "request.protocol",
  "request.query",
  "request.size",
  "request.total_size",
  "request.referer",
  "response.code",
  "response.code_details",
  "response.flags",
  "response.grpc_status",
  "response.headers.x-in",
  "response.trailers.x-in",
  "response.size",
  "connection.mtls",
  "connection.requested_server_name",
  "upstream.transport_failure_reason",
  "xds.cluster_name",
  "xds.route_name",
  "no.such",
  "~",
  "!",
  "request",
  "response",
  "connection",
  "upstream",
  "source",
  "destination",
  "xds",
  "node",
]
  .map((path) => `prop ${path}`)
  .concat([
    "prop plugin_name >!",
    "setprop mine one",
    "prop mine",
    "setprop mine ~",
    "prop mine",
    "setprop ! one",
    "setprop mine !",
    "setprop ~ one",
  ])
  .join("; ");

const SYSTEM = [
  ...[2, 3, 4, 5, 6, -1].map((level) => `log ${level} ~`),
  "log 3 !",
  "level",
  "level >!",
  "time",
  "time >!",
  "clock 0",
  "clock 1",
  "clock 2",
  "clock 0 >!",
  "random 4",
  "random 0",
  "random 65536",
  "random 65537",
  "random 4 >!",
  "status",
  "status >!",
  "foreign no_such_function x",
  "foreign ~ ~",
  "foreign ! ~",
  "foreign compress hello",
  "foreign uncompress hello",
  "eff 4000000",
].join("; ");

const CALLS = [
  "http nobody :method=GET,:path=/,:authority=a ~ ~ 100",
  "http other :path=/,:authority=a ~ ~ 100",
  "http other :method=GET,:authority=a ~ ~ 100",
  "http other :method=GET,:path=/ ~ ~ 100",
  "http other :method=GET,:path=/,:authority=a ~ ~ 4294967295",
  "http other raw:abc ~ ~ 100",
  "http other ~ ~ ~ 100",
  "http other ! ~ ~ 100",
  "http other :method=GET,:path=/,:authority=a ! ~ 100",
  "http ! :method=GET,:path=/,:authority=a ~ ~ 100",
  "http ~ :method=GET,:path=/,:authority=a ~ ~ 100",
  "gcall nobody p.S M ~ ~ 100",
  "gstream nobody p.S M ~",
  "gcall ! p.S M ~ ~ 100",
  "gcall other ! M ~ ~ 100",
  "gstream other p.S ! ~",
  "gcall other p.S M ! ~ 100",
  "gcall other p.S M ~ ! 100",
  ...[4_000_000, 4_000_001, 4_000_002, 4_000_003].flatMap((token) => [
    `gsend ${token} x 0`,
    `gclose ${token}`,
    `gcancel ${token}`,
  ]),
].join("; ");

/** A callback of a stream that acts as its plugin. */
const AS_PLUGIN = [
  "eff root",
  "prop plugin_name",
  "setprop mine one",
  "prop mine",
  "get 0 :path",
  "add 0 x-new 1",
  "set 2 x-new 1",
  "pairs 0",
  "body 0 0 9",
  "write 0 0 0 x",
  "status",
  "cont 0",
  "cont 1",
  "close 0",
  "reply 418 no no ~",
].join("; ");

const GROUPS: Readonly<Record<string, string>> = {
  ...Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 7, 8].map((map) => [`headers of map ${map}`, EDITS(map)])),
  buffers: BUFFERS,
  metrics: METRICS,
  "shared data": SHARED,
  properties: PROPERTIES,
  system: SYSTEM,
  "impossible calls": CALLS,
  "continue the request": "cont 0",
  "continue the response": "cont 1",
  "continue an unknown stream": "cont 2; cont 3; cont 4; cont -1",
  "close an unknown stream": "close 2; close 3; close 4; close -1",
  "ended by itself": "ended",
  "calls as the plugin": AS_PLUGIN,
};

/** A request and a response with every part that they can have. */
export const WHOLE: Pick<Scenario, "requests" | "answers"> = {
  requests: [
    {
      path: "/where?q=1",
      headers: [
        ["x-in", "1"],
        ["x-in", "2"],
        ["referer", "http://there/"],
      ],
      body: ["one", "three"],
      trailers: [["x-in", "t"]],
    },
  ],
  answers: {
    upstream: [
      {
        headers: [
          ["x-in", "u"],
          ["content-type", "text/x"],
        ],
        body: ["ab", "cde"],
        trailers: [["x-in", "r"]],
      },
    ],
    // Comes later than the body of the request that waits for it.
    other: [
      { delayMs: 60, status: 201, headers: [["x-in", "o"]], body: "called", trailers: [["x-in", "ot"]] },
    ],
  },
};

/**
 * In these scenarios stock Envoy itself ends in a segmentation fault, or breaks HTTP/2: a response
 * is continued that has not begun or has ended, or a response that has begun is answered twice.
 */
const FATAL =
  /^continue the response in (context create|request|response (headers|trailers)|tick, of a paused)|^two local replies in response/;
const isSafe = ({ name }: Scenario) => !FATAL.test(name);

export const HOST_CALLS: readonly Scenario[] = Object.entries(GROUPS)
  .flatMap(([group, steps]) =>
    Object.entries(PLACES).map(
      ([place, planOf]): Scenario => ({
        name: `${group} in ${place}`,
        filters: [probe("a", planOf(steps))],
        ...WHOLE,
      }),
    ),
  )
  .filter(isSafe);

/**
 * Without bodies, since `queue ready` may come before or after a piece, depending on time. Not in
 * `configure` either, which every thread does.
 */
export const QUEUE_CALLS: readonly Scenario[] = Object.entries(PLACES)
  .filter(([place]) => !/body|trailers|configure/.test(place))
  .map(
    ([place, planOf]): Scenario => ({
      name: `queues in ${place}`,
      filters: [probe("a", planOf(QUEUES))],
      restMs: 10,
    }),
  );

/**
 * Envoy also ends when a stream that has ended is answered or reset, in the callback itself or soon
 * after. In `configure` there is no stream to answer or reset.
 */
const PLACES_OF_OPEN_STREAMS = Object.entries(PLACES).filter(
  ([place]) => !["configure", "log", "done", "delete"].includes(place),
);

/** The filter stands between two others, which show what they see of it. */
export const ENDINGS: readonly Scenario[] = Object.entries({
  "a local reply": "reply 418 because%20of%09it no x-reply=1; ret 1",
  "a local reply, and it continues": "reply 418 ~ ~ ~; ret 0",
  "a local reply with a body and a gRPC status": "reply 200 d *100 ~ 9; ret 1",
  "two local replies": "reply 418 one one ~; reply 419 two two ~; ret 1",
  "a local reply with impossible headers":
    "reply 418 d b :status=200,x%20y=1,content-length=77,date=x; ret 1",
  "a reset of the request": "close 0; ret 1",
  "a reset of the response": "close 1; ret 1",
})
  .flatMap(([what, steps]) =>
    PLACES_OF_OPEN_STREAMS.map(
      ([place, planOf]): Scenario => ({
        name: `${what} in ${place}`,
        filters: [
          probe("a"),
          probe(
            "b",
            planOf(
              steps.replace(
                "ret 1",
                place.startsWith("response body") || place.startsWith("request body") ? "ret 3" : "ret 1",
              ),
            ),
          ),
          probe("c"),
        ],
        patienceMs: 400,
        ...WHOLE,
      }),
    ),
  )
  .filter(isSafe);
