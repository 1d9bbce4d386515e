// `meshwright/proxy-runtime/proxy`.

export * from "../assembly/proxy-runtime/proxy";
