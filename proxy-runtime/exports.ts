// `meshwright/proxy-runtime/exports`.

export * from "../assembly/proxy-runtime/exports";
