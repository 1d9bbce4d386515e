// What a filter's entry file exports: `export * from "meshwright/proxy-runtime/proxy"`.

export * from "./exports";
export * from "./malloc";
