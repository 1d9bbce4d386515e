// Says once what a JSON Schema says in many places. A match stands in every rule of every filter,
// and a mesh file has all filters at each service: written out, that is megabytes, which an editor
// reads at each key that is pressed.

type Schema = Readonly<Record<string, unknown>>;

/** Keywords whose value is a schema, a list of schemas, or a map of them. */
const SCHEMAS = new Set(["items", "additionalProperties", "not", "if", "then", "else", "contains"]);
const LISTS = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const MAPS = new Set(["properties", "dependentSchemas", "patternProperties", "$defs"]);

/** A shorter schema is written out: a reference would be as long. */
const LEAST_SIZE = 100;

/** A schema that stands in at least one place. */
class Definition {
  /** In how many places of the schema and of other definitions. */
  uses = 0;

  constructor(
    readonly number: number,
    /** The key under which it was found first. */
    readonly name: string,
    readonly body: Schema,
  ) {}
}

/** A place of a definition, with the description that only this place has. */
class Place {
  constructor(
    readonly definition: Definition,
    readonly description: unknown,
  ) {}
}

/**
 * The same schema, in which whatever stands twice is a definition under `$defs`. Definitions that
 * it has already keep their names.
 */
export function withDefinitions(schema: Schema): Schema {
  const found = new Map<string, Definition>();
  const root = mapSchemas(schema, (inner, key) => find(inner, key, found));
  count(root);
  const taken = new Set(Object.keys(schema.$defs ?? {}));
  const names = new Map<Definition, string>();
  for (const definition of found.values()) {
    if (definition.uses < 2) continue;
    const name = freeName(definition.name, taken);
    taken.add(name);
    names.set(definition, name);
  }
  if (names.size === 0) return schema;
  const { $defs = {}, ...written } = write(root, names) as Schema & { readonly $defs?: Schema };
  const shared = [...names].map(([{ body }, name]) => [name, write(body, names)]);
  return { ...written, $defs: { ...$defs, ...Object.fromEntries(shared) } };
}

/** Takes the schemas inside before those around them, so that equal ones have equal texts. */
function find(schema: unknown, key: string, found: Map<string, Definition>): unknown {
  if (!isSchema(schema)) return schema;
  const { description, ...body } = mapSchemas(schema, (inner, innerKey) => find(inner, innerKey, found));
  // Strict validators want a type beside most keywords, and do not look for it behind a reference.
  if (schema.type === undefined || JSON.stringify(schema).length < LEAST_SIZE) {
    return description === undefined ? body : { ...body, description };
  }
  const text = JSON.stringify(body, (_, value) =>
    value instanceof Place ? { place: value.definition.number, description: value.description } : value,
  );
  const definition = found.get(text) ?? new Definition(found.size, key, body);
  found.set(text, definition);
  return new Place(definition, description);
}

function count(value: unknown): void {
  if (value instanceof Place) {
    value.definition.uses++;
    if (value.definition.uses === 1) count(value.definition.body);
  } else if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) count(inner);
  }
}

function write(value: unknown, names: ReadonlyMap<Definition, string>): unknown {
  if (value instanceof Place) {
    const { definition, description } = value;
    const name = names.get(definition);
    const body = name === undefined ? (write(definition.body, names) as Schema) : { $ref: `#/$defs/${name}` };
    return description === undefined ? body : { ...body, description };
  }
  if (Array.isArray(value)) return value.map((inner) => write(inner, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, write(inner, names)]));
}

/** The same schema with other schemas directly inside it. */
function mapSchemas(schema: Schema, change: (inner: unknown, key: string) => unknown): Schema {
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => {
      if (SCHEMAS.has(keyword)) return [keyword, change(value, keyword)];
      if (LISTS.has(keyword)) return [keyword, (value as unknown[]).map((inner) => change(inner, keyword))];
      if (!MAPS.has(keyword)) return [keyword, value];
      const inner = Object.entries(value as Schema).map(([key, each]) => [key, change(each, key)]);
      return [keyword, Object.fromEntries(inner)];
    }),
  );
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The name, with a number if it is taken. */
function freeName(name: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const free = number === 1 ? name : `${name}${number}`;
    if (!taken.has(free)) return free;
  }
}
