// The messages of Envoy's discovery protocol that a server needs, as bytes.

import protobuf from "protobufjs/light.js";
import { SECRET_TYPE, type Secret } from "../config/secret.js";
import type { ExtensionResource } from "../config/wasm.js";

/** What Envoy asks for, and what it says of the last answer. */
export interface DiscoveryRequest {
  readonly node?: { readonly id: string } | null;
  readonly resourceNames: readonly string[];
  readonly typeUrl: string;
  /** The nonce of the answer that this request takes or refuses; empty before the first answer. */
  readonly responseNonce: string;
  /** Set where Envoy refuses the answer. */
  readonly errorDetail?: { readonly message: string } | null;
}

export interface DiscoveryResponse {
  readonly versionInfo: string;
  readonly resources: readonly AnyMessage[];
  readonly typeUrl: string;
  readonly nonce: string;
}

export interface AnyMessage {
  readonly type_url: string;
  readonly value: Uint8Array;
}

/** The type of the resources that are served. */
export const EXTENSION_TYPE = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
const STRUCT_TYPE = "type.googleapis.com/xds.type.v3.TypedStruct";

const field = (type: string, id: number) => ({ type, id });
const list = (type: string, id: number) => ({ rule: "repeated", type, id });

/** Only the fields that are read or written here. A reader of protobuf skips all others. */
const root = protobuf.Root.fromJSON({
  nested: {
    Node: { fields: { id: field("string", 1) } },
    Status: { fields: { message: field("string", 2) } },
    Any: { fields: { type_url: field("string", 1), value: field("bytes", 2) } },
    DiscoveryRequest: {
      fields: {
        node: field("Node", 2),
        resourceNames: list("string", 3),
        typeUrl: field("string", 4),
        responseNonce: field("string", 5),
        errorDetail: field("Status", 6),
      },
    },
    DiscoveryResponse: {
      fields: {
        versionInfo: field("string", 1),
        resources: list("Any", 2),
        typeUrl: field("string", 4),
        nonce: field("string", 5),
      },
    },
    TypedExtensionConfig: { fields: { name: field("string", 1), typedConfig: field("Any", 2) } },
    Secret: {
      fields: {
        name: field("string", 1),
        tlsCertificate: field("TlsCertificate", 2),
        validationContext: field("CertificateValidationContext", 4),
      },
    },
    TlsCertificate: {
      fields: { certificateChain: field("DataSource", 1), privateKey: field("DataSource", 2) },
    },
    CertificateValidationContext: { fields: { trustedCa: field("DataSource", 1) } },
    DataSource: { fields: { inlineString: field("string", 3) } },
    TypedStruct: { fields: { typeUrl: field("string", 1), value: field("Struct", 2) } },
    Struct: { fields: { fields: { keyType: "string", type: "Value", id: 1 } as protobuf.IField } },
    ListValue: { fields: { values: list("Value", 1) } },
    Value: {
      fields: {
        nullValue: field("int32", 1),
        numberValue: field("double", 2),
        stringValue: field("string", 3),
        boolValue: field("bool", 4),
        structValue: field("Struct", 5),
        listValue: field("ListValue", 6),
      },
    },
  },
});
const type = (name: string) => root.lookupType(name);
const types = {
  request: type("DiscoveryRequest"),
  response: type("DiscoveryResponse"),
  extension: type("TypedExtensionConfig"),
  struct: type("TypedStruct"),
  secret: type("Secret"),
};

export function decodeRequest(bytes: Uint8Array): DiscoveryRequest {
  return types.request.decode(bytes) as unknown as DiscoveryRequest;
}

export function encodeRequest(request: DiscoveryRequest): Buffer {
  return Buffer.from(types.request.encode(request).finish());
}

export function decodeResponse(bytes: Uint8Array): DiscoveryResponse {
  return types.response.decode(bytes) as unknown as DiscoveryResponse;
}

export function encodeResponse(response: DiscoveryResponse): Buffer {
  return Buffer.from(types.response.encode(response).finish());
}

/**
 * A resource as Envoy takes it. The extension's configuration goes as JSON values with the name of
 * its message (`TypedStruct`), so that this file needs no message of any extension.
 */
export function encodeResource({ name, typed_config }: ExtensionResource): AnyMessage {
  const { "@type": typeUrl, ...fields } = typed_config;
  const struct = types.struct.encode({ typeUrl, value: toStruct(fields) }).finish();
  const typedConfig = { type_url: STRUCT_TYPE, value: struct };
  return { type_url: EXTENSION_TYPE, value: types.extension.encode({ name, typedConfig }).finish() };
}

export function encodeSecret({ name, tls_certificate, validation_context }: Secret): AnyMessage {
  const text = ({ inline_string }: { readonly inline_string: string }) => ({ inlineString: inline_string });
  const secret = {
    name,
    ...(tls_certificate === undefined
      ? {}
      : {
          tlsCertificate: {
            certificateChain: text(tls_certificate.certificate_chain),
            privateKey: text(tls_certificate.private_key),
          },
        }),
    ...(validation_context === undefined
      ? {}
      : { validationContext: { trustedCa: text(validation_context.trusted_ca) } }),
  };
  return { type_url: SECRET_TYPE, value: types.secret.encode(secret).finish() };
}

function toStruct(object: object): object {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return { fields: Object.fromEntries(entries.map(([key, value]) => [key, toValue(value)])) };
}

function toValue(value: unknown): object {
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "number":
      return { numberValue: value };
    case "boolean":
      return { boolValue: value };
  }
  if (value === null) return { nullValue: 0 };
  if (Array.isArray(value)) return { listValue: { values: value.map(toValue) } };
  return { structValue: toStruct(value as object) };
}
