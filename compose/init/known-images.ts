// What well-known images, ports and schemes of URLs say about a service.

import type { Protocol } from "./facts.js";

interface Known {
  readonly port: number;
  readonly protocol: Protocol;
}

const tcp = (port: number): Known => ({ port, protocol: "tcp" });
const http = (port: number): Known => ({ port, protocol: "http1" });
const grpc = (port: number): Known => ({ port, protocol: "grpc" });

/** By the last part of an image's name, or its beginning before a hyphen. */
const IMAGES: Readonly<Record<string, Known>> = {
  adminer: http(8080),
  arangodb: http(8529),
  caddy: http(80),
  cassandra: tcp(9042),
  clickhouse: http(8123),
  "clickhouse-server": http(8123),
  cockroach: tcp(26257),
  consul: http(8500),
  couchbase: http(8091),
  couchdb: http(5984),
  dragonfly: tcp(6379),
  elasticsearch: http(9200),
  etcd: grpc(2379),
  grafana: http(3000),
  haproxy: http(80),
  httpd: http(80),
  influxdb: http(8086),
  jaeger: http(16686),
  kafka: tcp(9092),
  keycloak: http(8080),
  keydb: tcp(6379),
  localstack: http(4566),
  mailhog: tcp(1025),
  mailpit: tcp(1025),
  mariadb: tcp(3306),
  meilisearch: http(7700),
  memcached: tcp(11211),
  metabase: http(3000),
  minio: http(9000),
  mongo: tcp(27017),
  mongodb: tcp(27017),
  "mongo-express": http(8081),
  mosquitto: tcp(1883),
  mysql: tcp(3306),
  "mysql-server": tcp(3306),
  nats: tcp(4222),
  neo4j: tcp(7687),
  nginx: http(80),
  "nginx-unprivileged": http(8080),
  openldap: tcp(389),
  opensearch: http(9200),
  percona: tcp(3306),
  pgadmin4: http(80),
  pgbouncer: tcp(5432),
  pgvector: tcp(5432),
  phpmyadmin: http(80),
  postgis: tcp(5432),
  postgres: tcp(5432),
  postgresql: tcp(5432),
  prometheus: http(9090),
  pulsar: tcp(6650),
  rabbitmq: tcp(5672),
  redis: tcp(6379),
  "redis-stack": tcp(6379),
  "redis-stack-server": tcp(6379),
  redpanda: tcp(9092),
  server: tcp(1433), // mcr.microsoft.com/mssql/server
  solr: http(8983),
  sonarqube: http(9000),
  timescaledb: tcp(5432),
  tomcat: http(8080),
  traefik: http(80),
  valkey: tcp(6379),
  vault: http(8200),
  whoami: http(80),
  wordpress: http(80),
  zipkin: http(9411),
  zookeeper: tcp(2181),
};

/** By the scheme of a URL. `http` and what is like it say more than a port. */
const SCHEMES: Readonly<Record<string, Known>> = {
  amqp: tcp(5672),
  amqps: tcp(5671),
  bolt: tcp(7687),
  clickhouse: tcp(9000),
  grpc: grpc(80),
  h2c: { port: 80, protocol: "http2" },
  http: http(80),
  https: tcp(443),
  kafka: tcp(9092),
  ldap: tcp(389),
  mariadb: tcp(3306),
  memcached: tcp(11211),
  mongodb: tcp(27017),
  mqtt: tcp(1883),
  mssql: tcp(1433),
  mysql: tcp(3306),
  nats: tcp(4222),
  neo4j: tcp(7687),
  postgres: tcp(5432),
  postgresql: tcp(5432),
  pulsar: tcp(6650),
  redis: tcp(6379),
  rediss: tcp(6379),
  sftp: tcp(22),
  smtp: tcp(25),
  sqlserver: tcp(1433),
  tcp: tcp(0),
  ws: http(80),
  wss: tcp(443),
  zookeeper: tcp(2181),
};

/** Ports of one protocol, whoever listens there. */
const PORTS: ReadonlyMap<number, Protocol> = new Map([
  ...[80, 3000, 4200, 5000, 5173, 8000, 8080, 8081, 8888].map((port) => [port, "http1"] as const),
  ...[4317, 50051, 50052].map((port) => [port, "grpc"] as const),
  ...Object.values(SCHEMES)
    .filter(({ port, protocol }) => protocol === "tcp" && port > 0)
    .map(({ port }) => [port, "tcp"] as const),
]);

/** What listens in a container of this image, by its name alone. */
export function knownImage(image: string): (Known & { readonly name: string }) | undefined {
  const [path = ""] = image.replace(/@.*$/, "").split(/:(?=[^/]*$)/);
  const last = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  if (last === "server" && !/mssql\/server$/i.test(path)) return undefined;
  for (const name of [last, last.split("-")[0] ?? ""]) {
    const known = Object.hasOwn(IMAGES, name) ? IMAGES[name] : undefined;
    if (known !== undefined) return { ...known, name };
  }
  return undefined;
}

/**
 * What a URL's scheme says: `postgresql+asyncpg` and `jdbc:postgresql` are `postgresql`. The port
 * is that of a URL without one; 0 is none.
 */
export function knownScheme(scheme: string): Known | undefined {
  const plain = scheme
    .toLowerCase()
    .replace(/^(jdbc|r2dbc|dns):/, "")
    .replace(/\+.*$/, "");
  return Object.hasOwn(SCHEMES, plain) ? SCHEMES[plain] : undefined;
}

export function knownPort(port: number): Protocol | undefined {
  return PORTS.get(port);
}
