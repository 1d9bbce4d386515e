// How as-pect runs a spec, a module of its own for each: for `asp` in this checkout, which takes
// every `x.spec.ts`, and for `meshwright test`, which names the specs of an author's filters.

// as-pect adds the files that are named to the entries here, so there must be none of these when
// one is named.
const named = process.argv.slice(2).some((argument) => argument.endsWith(".spec.ts"));

const noHost = () => {
  throw new Error("a unit has no host");
};

export default {
  entries: named ? [] : ["assembly/**/*.spec.ts", "filters/**/*.spec.ts"],
  // Files to compile into every spec: a pattern is demanded, and a spec needs no file but what it
  // imports.
  include: ["assembly/**/*.include.ts"],
  disclude: [/node_modules/],
  instantiate(memory, createImports, instantiate, binary) {
    const imports = createImports({ env: { memory } });
    // One module of many specs imports host calls that no spec makes.
    for (const { module, name, kind } of WebAssembly.Module.imports(new WebAssembly.Module(binary))) {
      imports[module] ??= {};
      if (kind === "function") imports[module][name] ??= noHost;
    }
    return instantiate(binary, imports);
  },
  outputBinary: false,
};
