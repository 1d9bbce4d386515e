// Reads what one source file declares, imports and exports, with the compiler's own parser. It
// reads only what is needed to follow an import to its file and a class to its bases.

import { readFileSync } from "node:fs";
import type { ClassDeclaration, NamedTypeNode, Statement, StringLiteralExpression } from "assemblyscript";
import type { Binding, Compiler, DeclaredClass, Exported, Import, Method, Scope } from "./declarations.js";
import { alwaysReturned, lineOf, partsOfName, Uses } from "./uses.js";

/** A parsed file. */
export interface SourceFile {
  readonly scope: Scope;
  readonly classes: readonly DeclaredClass[];
  readonly exports: ReadonlyMap<string, Exported>;
  /** The specifiers of the files whose every export it re-exports. */
  readonly exportsAllOf: readonly string[];
  readonly imports: readonly Import[];
  readonly uses: Uses;
}

/** Parses one file. @param file an absolute path */
export function parseFile(compiler: Compiler, file: string): SourceFile {
  const parser = new compiler.Parser();
  parser.parseFile(readFileSync(file, "utf8"), file, false);
  const reader = new FileReader(compiler, file);
  for (const statement of parser.sources[0]?.statements ?? []) reader.read(statement, reader.scope);
  return reader;
}

class FileReader implements SourceFile {
  readonly scope: Scope;
  readonly classes: DeclaredClass[] = [];
  readonly exports = new Map<string, Exported>();
  readonly exportsAllOf: string[] = [];
  readonly imports: Import[] = [];
  readonly uses: Uses;
  readonly #as: Compiler;

  constructor(compiler: Compiler, file: string) {
    this.#as = compiler;
    this.scope = { file, names: new Map() };
    this.uses = new Uses(compiler);
  }

  /** This is a const enum in the compiler's own sources, and an object for everybody else. */
  get #flags(): { readonly Export: number; readonly Static: number } {
    return (this.#as as unknown as { readonly CommonFlags: { Export: number; Static: number } }).CommonFlags;
  }

  read(statement: Statement, scope: Scope): void {
    const as = this.#as;
    this.uses.add(statement, scope);
    if (statement instanceof as.ImportStatement) this.#readImport(statement, scope);
    else if (statement instanceof as.ExportStatement) this.#readExport(statement);
    else if (statement instanceof as.ExportDefaultStatement) this.#readDefault(statement, scope);
    else if (statement instanceof as.DeclarationStatement) this.#readDeclaration(statement, scope);
    else if (statement instanceof as.VariableStatement) {
      for (const declaration of statement.declarations) this.#readDeclaration(declaration, scope);
    }
  }

  #readImport(
    { path, declarations, namespaceName }: InstanceType<Compiler["ImportStatement"]>,
    { names }: Scope,
  ): void {
    const from = path.value;
    this.#addImport(
      path,
      declarations?.map(({ foreignName }) => foreignName.text),
    );
    if (namespaceName !== null) names.set(namespaceName.text, { kind: "import", from });
    for (const { name, foreignName } of declarations ?? []) {
      names.set(name.text, { kind: "import", from, name: foreignName.text });
    }
  }

  #readExport({ path, members }: InstanceType<Compiler["ExportStatement"]>): void {
    const from = path?.value;
    if (path !== null)
      this.#addImport(
        path,
        members?.map(({ localName }) => localName.text),
      );
    if (from !== undefined && members === null) this.exportsAllOf.push(from);
    for (const { localName, exportedName } of members ?? []) {
      const local = localName.text;
      this.exports.set(exportedName.text, from === undefined ? { local } : { from, name: local });
    }
  }

  #addImport(path: StringLiteralExpression, names: readonly string[] = []): void {
    this.imports.push({ specifier: path.value, line: lineOf(path), names });
  }

  #readDefault({ declaration }: InstanceType<Compiler["ExportDefaultStatement"]>, scope: Scope): void {
    this.#readDeclaration(declaration, scope);
    this.exports.set("default", { local: declaration.name.text });
  }

  #readDeclaration(node: InstanceType<Compiler["DeclarationStatement"]>, scope: Scope): void {
    const name = node.name.text;
    const binding = this.#bindingOf(node, scope);
    if (binding !== undefined) scope.names.set(name, binding);
    if (scope === this.scope && node.is(this.#flags.Export)) this.exports.set(name, { local: name });
  }

  #bindingOf(node: InstanceType<Compiler["DeclarationStatement"]>, scope: Scope): Binding | undefined {
    const as = this.#as;
    if (node instanceof as.ClassDeclaration) {
      const declared = this.#declare(node, scope);
      this.classes.push(declared);
      return { kind: "class", declared };
    }
    if (node instanceof as.TypeDeclaration) {
      return node.type instanceof as.NamedTypeNode
        ? { kind: "alias", type: partsOf(node.type), scope }
        : undefined;
    }
    if (!(node instanceof as.NamespaceDeclaration)) return undefined;
    // A namespace that is declared again has the names of both declarations.
    const known = scope.names.get(node.name.text);
    const inner = known?.kind === "namespace" ? known.scope : newScope(scope);
    for (const member of node.members) this.read(member, inner);
    return { kind: "namespace", scope: inner };
  }

  #declare(node: ClassDeclaration, scope: Scope): DeclaredClass {
    const as = this.#as;
    const methods = node.members.flatMap((member) =>
      member instanceof as.MethodDeclaration
        ? [{ isStatic: member.is(this.#flags.Static), method: this.#methodOf(member) }]
        : [],
    );
    const those = (wanted: boolean) =>
      methods.filter(({ isStatic }) => isStatic === wanted).map(({ method }) => method);
    return {
      file: scope.file,
      name: node.name.text,
      line: lineOf(node.name),
      scope,
      ...(node.extendsType === null ? {} : { base: partsOf(node.extendsType) }),
      methods: those(false),
      staticMethods: those(true),
    };
  }

  #methodOf({ name, body }: InstanceType<Compiler["MethodDeclaration"]>): Method {
    const always = body === null ? undefined : alwaysReturned(this.#as, body);
    return {
      name: name.text,
      line: lineOf(name),
      hasBody: body !== null,
      ...(always === undefined ? {} : { always }),
    };
  }
}

function newScope(outer: Scope): Scope {
  return { file: outer.file, names: new Map(), outer };
}

function partsOf({ name }: NamedTypeNode): readonly string[] {
  return partsOfName(name);
}
