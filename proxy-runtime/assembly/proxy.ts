// `meshwright/proxy-runtime/assembly/proxy`: the import path in filters for
// `@solo-io/proxy-runtime` 0.1.12 and later.

export * from "../proxy";
