// `meshwright/proxy-runtime/assembly/proxy`: as filters for `@solo-io/proxy-runtime` 0.1.12 and
// later write it.

export * from "../proxy";
