// What the entry file of a filter exports: `export * from "meshwright/proxy-runtime/proxy"`.

export * from "./exports";
export * from "./malloc";
