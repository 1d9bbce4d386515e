// `meshwright/proxy-runtime/malloc`.

export * from "../assembly/proxy-runtime/malloc";
