// What `meshwright init` finds out about a compose project, each with where it comes from.

/** Something that was found out, or guessed. */
export interface Fact<T> {
  readonly value: T;
  /** Where it comes from, as half a sentence. */
  readonly reason: string;
  /** Whether a person should check it. */
  readonly isGuess: boolean;
}

export type Protocol = "http1" | "http2" | "grpc" | "tcp";

/** A text of a compose file as a part of a line: it must neither end the line nor move a cursor. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{C}\s]+/gu, " ");
}

/** A service that another one calls, by its name in compose. */
export interface Call extends Omit<Fact<string>, "value"> {
  readonly service: string;
}

/** A service of the mesh. */
export interface FoundService {
  /** In the mesh file. */
  readonly name: string;
  /** In compose. */
  readonly compose: string;
  /** Absent for a service that takes no connections. */
  readonly port?: Fact<number>;
  readonly protocol: Fact<Protocol>;
  readonly calls: readonly Call[];
  /** What a person should know of it. */
  readonly notes: readonly string[];
}

/** A service that is not in the mesh. */
export interface LeftOut {
  readonly compose: string;
  readonly reason: string;
  /** `file:line:column`. */
  readonly place: string;
}

export interface FoundRoute {
  readonly prefix: string;
  /** In compose. */
  readonly service: string;
  readonly reason: string;
  /** Whether it only stands in a comment, for a person to decide. */
  readonly isOffer: boolean;
}

/** A mesh around a compose project. */
export interface FoundMesh {
  readonly name: string;
  /** The project's files, where compose does not find them by itself. */
  readonly files: readonly string[];
  readonly gatewayPort: number;
  readonly routes: readonly FoundRoute[];
  readonly services: readonly FoundService[];
  readonly leftOut: readonly LeftOut[];
}
