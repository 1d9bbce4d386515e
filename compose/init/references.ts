// Finds the names of services in the texts of another service: in URLs, in HOST:PORT, and alone
// where the variable's name says that a host is meant.

/** A name of a service in a text. */
export interface Reference {
  /** As the text has it, in lower case. */
  readonly host: string;
  readonly port?: number;
  readonly scheme?: string;
}

/** Longer texts are certificates and data. */
const MAX_LENGTH = 8_192;
const URL_LIKE = /((?:[a-z][a-z0-9+.-]*:)?[a-z][a-z0-9+.-]*):(?:thin:)?(?:\/\/|@)([^\s/?#'"<>]+)/gi;
const HOST_AND_PORT = /^([a-z0-9_][a-z0-9_.-]*):(\d{1,5})(?:$|[/?#])/i;
/** `host=db port=5432`, and `Server=db,1433;` */
const KEY_VALUE =
  /\b(?:host|hostaddr|server|data source|addr|address)\s*=\s*([a-z0-9_][\w.-]*)(?:[,:](\d+))?/gi;
const PORT_KEY = /\bport\s*=\s*(\d{1,5})\b/i;
/** Variables whose whole value may be a host. */
const HOST_NAME =
  /(HOST|HOSTS|HOSTNAME|ADDR|ADDRS|ADDRESS|ADDRESSES|SERVER|SERVERS|SERVICE|URL|URI|ENDPOINT|ENDPOINTS|BROKER|BROKERS|BACKEND|UPSTREAM|TARGET|PROXY|NODE|NODES|IP|DOMAIN)$/;
const NO_HOST = /(^|_)(SERVICE_NAME|USER|PASSWORD|DATABASE|DB_NAME|MODE|ENV)$/;

/** The names in a text that stands for addresses, whatever it is called. */
export function referencesIn(text: string): readonly Reference[] {
  if (text.length > MAX_LENGTH) return [];
  const found: Reference[] = [];
  const rest = text.replaceAll(URL_LIKE, (_url, scheme: string, authority: string) => {
    found.push(...fromAuthority(authority, scheme.toLowerCase()));
    return " ";
  });
  for (const [, host = "", port] of rest.matchAll(KEY_VALUE)) {
    const near = port ?? PORT_KEY.exec(rest)?.[1];
    found.push(reference(host, near));
  }
  for (const token of rest.split(/[\s,;=@"'()[\]|]+/)) {
    const [matched, host = "", port] = HOST_AND_PORT.exec(token) ?? [];
    if (matched !== undefined) found.push(reference(host, port));
  }
  return found;
}

/** The name that a variable's whole value may be. A port may stand in the variable beside it. */
export function wholeReference(
  name: string,
  value: string,
  variables: Readonly<Record<string, string | null>>,
): Reference | undefined {
  const upper = name.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_");
  if (!HOST_NAME.test(upper) || NO_HOST.test(upper)) return undefined;
  if (!/^[a-z0-9_][\w.-]*$/i.test(value)) return undefined;
  return reference(value, portBeside(name, variables));
}

/** The port in `DB_PORT` beside `DB_HOST`. */
function portBeside(name: string, variables: Readonly<Record<string, string | null>>): string | undefined {
  const stem = name.replace(/_?(HOST|HOSTNAME|ADDR|ADDRESS|SERVER|SERVICE|SERVICE_HOST|URL|URI|IP)$/i, "");
  for (const beside of [`${stem}_PORT`, `${stem}PORT`, `${stem}_SERVICE_PORT`]) {
    const value = variables[beside];
    if (stem !== "" && typeof value === "string" && /^\d{1,5}$/.test(value)) return value;
  }
  return undefined;
}

/** `user:password@a:1,b:2` has two. */
function fromAuthority(authority: string, scheme: string): readonly Reference[] {
  const hosts = authority.slice(authority.lastIndexOf("@") + 1).replaceAll(/^\w+\(|\).*$/g, "");
  return hosts.split(/[,;]/).flatMap((each) => {
    const [matched, host = "", port] = /^([a-z0-9_][\w.-]*)(?::(\d{1,5}))?$/i.exec(each) ?? [];
    return matched === undefined ? [] : [{ ...reference(host, port), scheme }];
  });
}

function reference(host: string, port: string | undefined): Reference {
  const number = Number(port);
  const isPort = port !== undefined && number >= 1 && number <= 65_535;
  return { host: host.toLowerCase(), ...(isPort ? { port: number } : {}) };
}
