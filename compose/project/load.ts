// Reads a compose project without compose: its files, what they include and extend, and merges all
// of it into the model that `docker compose config` prints.

import path from "node:path";
import { nearest } from "../../envoy/problems.js";
import { canonicalService, FormError, type Place } from "./canonical.js";
import { lookupIn, readVariables, type Variables } from "./environment.js";
import { InterpolationError, interpolateAll } from "./interpolate.js";
import { mergeModels, mergeService, mergeServices } from "./merge.js";
import { refused } from "./problem.js";
import { type Layer, readLayers } from "./source-file.js";
import { type Dict, isDict, itemsOf, textOf } from "./values.js";

/** No project has more files. */
const MAX_FILES = 256;

/** Where the parts of a project stand, once it is loaded. */
export interface LoadedFile {
  readonly file: string;
  readonly layers: readonly Layer[];
}

interface Scope {
  /** From which relative paths go. */
  readonly folder: string;
  readonly variables: Variables;
  /** The files that lead here by `include`. */
  readonly trail: readonly string[];
}

/** Loads files of one project. One object serves one load. */
export class ProjectLoader {
  /** Every file that was read, in the order in which later ones change earlier ones. */
  readonly loaded: LoadedFile[] = [];
  readonly #layers = new Map<string, Promise<readonly Layer[]>>();

  /** @param root the folder from which messages name files */
  constructor(readonly root: string) {}

  /** The model of these files, one upon the other. */
  async files(files: readonly string[], scope: Scope): Promise<Dict> {
    let model: Dict = {};
    for (const file of files) {
      if (scope.trail.includes(file)) {
        throw refused(this.shown(file), `is included by itself: ${this.#chain([...scope.trail, file])}`);
      }
      const layers = await this.#read(file);
      for (const layer of layers) {
        model = await this.#add(model, layer, file, { ...scope, trail: [...scope.trail, file] });
      }
      // After the files that it includes, because it may change what they say.
      this.loaded.push({ file, layers });
    }
    return model;
  }

  async #add(below: Dict, layer: Layer, file: string, scope: Scope): Promise<Dict> {
    const { include, services, ...rest } = interpolated(layer, scope);
    let base: Dict = {};
    for (const [i, entry] of itemsOf(include).entries()) {
      const place = layer.placeOf(["include", i]);
      base = mergeModels(base, await this.#include(entry, scope, place));
    }
    base = cleared(base, layer);
    const own: Dict = {};
    for (const [name, service] of Object.entries(isDict(services) ? services : {})) {
      own[name] = canonical(isDict(service) ? service : {}, scope, layer, name);
    }
    const all = mergeServices(isDict(base.services) ? base.services : {}, own);
    const whole: Dict = { ...all };
    for (const name of Object.keys(own)) {
      whole[name] = await this.#extended(name, all, { ...scope, file, layer }, []);
    }
    return mergeModels(cleared(below, layer), { ...mergeModels(base, rest), services: whole });
  }

  async #include(entry: unknown, scope: Scope, place: string): Promise<Dict> {
    const how = isDict(entry) ? entry : { path: entry };
    const files = itemsOf(how.path).map((each) => path.resolve(scope.folder, textOf(each) ?? ""));
    const [first = ""] = files;
    if (/^(https?|git|oci):|\.git(#|$)/.test(textOf(itemsOf(how.path)[0]) ?? "")) {
      throw refused(place, "includes a project from elsewhere, which only compose itself can read");
    }
    const folder =
      how.project_directory === undefined
        ? path.dirname(first)
        : path.resolve(scope.folder, textOf(how.project_directory) ?? "");
    let variables = scope.variables;
    const named = itemsOf(how.env_file);
    for (const each of named.length === 0 ? [path.join(folder, ".env")] : named) {
      const file = path.resolve(scope.folder, textOf(each) ?? "");
      const options = {
        lookup: lookupIn(variables),
        isOptional: named.length === 0,
        shown: this.shown(file),
      };
      variables = { ...(await readVariables(file, options)), ...variables };
    }
    return this.files(files, { folder, variables, trail: scope.trail });
  }

  /** The service with what it extends below it. */
  async #extended(name: string, services: Dict, scope: ExtendScope, trail: readonly string[]): Promise<Dict> {
    const service = services[name];
    if (!isDict(service)) return {};
    const { extends: how, ...own } = service;
    if (how === undefined) return service;
    const place = scope.layer.placeOf(["services", name, "extends"]);
    const step = `${this.shown(scope.file)} ${name}`;
    if (trail.includes(step)) {
      throw refused(place, `extends itself: ${[...trail, step].join(" -> ")}`);
    }
    const base = textOf(isDict(how) ? how.service : how) ?? "";
    const file = isDict(how) ? textOf(how.file) : undefined;
    const from =
      file === undefined ? { services, scope } : await this.#basesOf(path.resolve(scope.folder, file), scope);
    if (!isDict(from.services[base])) {
      const near = nearest(base, Object.keys(from.services));
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      throw refused(place, `there is no service ${base} in ${this.shown(from.scope.file)}${hint}`);
    }
    const below = await this.#extended(base, from.services, from.scope, [...trail, step]);
    const { services: kept } = cleared({ services: { [name]: below } }, scope.layer);
    const left = isDict(kept) ? kept[name] : undefined;
    return mergeService(isDict(left) ? left : {}, own);
  }

  /** The services of a file that a service extends. */
  async #basesOf(file: string, scope: ExtendScope): Promise<{ services: Dict; scope: ExtendScope }> {
    const layers = await this.#read(file);
    const [layer] = layers;
    if (layer === undefined) throw refused(this.shown(file), "the file is empty");
    const folder = path.dirname(file);
    const below: ExtendScope = { ...scope, folder, file, layer };
    const { services } = interpolated(layer, below);
    const forms = Object.entries(isDict(services) ? services : {}).map(([name, service]) => [
      name,
      canonical(isDict(service) ? service : {}, below, layer, name),
    ]);
    if (!this.loaded.some((each) => each.file === file)) this.loaded.unshift({ file, layers });
    return { services: Object.fromEntries(forms), scope: below };
  }

  #read(file: string): Promise<readonly Layer[]> {
    const known = this.#layers.get(file);
    if (known !== undefined) return known;
    if (this.#layers.size === MAX_FILES) {
      throw refused(this.shown(file), `the project has more than ${MAX_FILES} files`);
    }
    const read = readLayers(file, this.shown(file));
    this.#layers.set(file, read);
    return read;
  }

  /** The file as messages name it. */
  shown(file: string): string {
    return path.relative(this.root, file) || file;
  }

  #chain(files: readonly string[]): string {
    return files.map((file) => this.shown(file)).join(" -> ");
  }
}

interface ExtendScope extends Scope {
  readonly file: string;
  readonly layer: Layer;
}

function interpolated({ value, placeOf }: Layer, { variables }: Scope): Dict {
  try {
    return interpolateAll(value, lookupIn(variables)) as Dict;
  } catch (error) {
    if (error instanceof InterpolationError) throw refused(placeOf(error.path), error.message);
    throw error;
  }
}

function canonical(service: Dict, { folder, variables }: Scope, layer: Layer, name: string): Dict {
  const place: Place = { folder, lookup: lookupIn(variables) };
  try {
    return canonicalService(service, place);
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    throw refused(layer.placeOf(["services", name, ...error.path]), error.message);
  }
}

/** The model without what the layer resets. */
function cleared(model: Dict, layer: Layer): Dict {
  return layer.resets.reduce(without, model);
}

/** The model without the part at this path. */
function without(value: Dict, [step, ...rest]: readonly PropertyKey[]): Dict {
  const key = String(step);
  if (!(key in value)) return value;
  const below = value[key];
  if (rest.length > 0) return isDict(below) ? { ...value, [key]: without(below, rest) } : value;
  return Object.fromEntries(Object.entries(value).filter(([each]) => each !== key));
}
