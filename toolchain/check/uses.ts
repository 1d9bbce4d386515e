// What the code of a file makes, mentions and calls: classes, names and functions.

import type { Node, Statement, TypeName } from "assemblyscript";
import type { Compiler, Scope } from "./declarations.js";

/** A name of a class where it is used. */
export interface ClassUse {
  /** The parts of the name: `sdk.HttpContext` has two. */
  readonly names: readonly string[];
  readonly scope: Scope;
}

/** A call of a function. */
export interface FunctionCall {
  /** The parts of the function's name; none where another expression is called. */
  readonly names: readonly string[];
  readonly scope: Scope;
  /** Counted from 1. */
  readonly line: number;
  /** It is a statement of the file itself, so that it runs when the module starts. */
  readonly atTopLevel: boolean;
}

/** What the statements of one file use. */
export class Uses {
  /** The classes that are made by `new`, or are type arguments, as in `instantiate<C>()`. */
  readonly made: ClassUse[] = [];
  /** Every name in an expression. */
  readonly mentioned = new Set<string>();
  readonly calls: FunctionCall[] = [];
  readonly #as: Compiler;

  constructor(compiler: Compiler) {
    this.#as = compiler;
  }

  /** Adds a statement of a file or a namespace. */
  add(statement: Statement, scope: Scope): void {
    const as = this.#as;
    // These only name what others declare; the members of a namespace are added one by one.
    if (statement instanceof as.ImportStatement || statement instanceof as.ExportStatement) return;
    if (statement instanceof as.NamespaceDeclaration) return;
    const top = statement instanceof as.ExpressionStatement ? statement.expression : undefined;
    for (const node of nodesIn(as, statement)) this.#addNode(node, scope, node === top);
  }

  #addNode(node: Node, scope: Scope, atTopLevel: boolean): void {
    const as = this.#as;
    if (node instanceof as.IdentifierExpression) this.mentioned.add(node.text);
    else if (node instanceof as.NewExpression) this.made.push({ names: partsOfName(node.typeName), scope });
    else if (node instanceof as.CallExpression) {
      for (const type of node.typeArguments ?? []) {
        if (type instanceof as.NamedTypeNode) this.made.push({ names: partsOfName(type.name), scope });
      }
      this.calls.push({ names: namesOf(as, node.expression), scope, line: lineOf(node), atTopLevel });
    }
  }
}

/** The parts of a function's name; none for another expression. */
function namesOf(as: Compiler, expression: Node): readonly string[] {
  if (expression instanceof as.IdentifierExpression) return [expression.text];
  if (!(expression instanceof as.PropertyAccessExpression)) return [];
  return [...namesOf(as, expression.expression), expression.property.text];
}

/** The word that every `return` of a method gives back, where it is the same. */
export function alwaysReturned(as: Compiler, body: Statement): "false" | "null" | undefined {
  const words = new Set<"false" | "null" | undefined>();
  for (const node of nodesIn(as, body)) {
    if (!(node instanceof as.ReturnStatement)) continue;
    if (node.value instanceof as.FalseExpression) words.add("false");
    else words.add(node.value instanceof as.NullExpression ? "null" : undefined);
  }
  return words.size === 1 ? [...words][0] : undefined;
}

/** A node and all below it, without the names that declarations give. */
function* nodesIn(as: Compiler, node: Node): Generator<Node> {
  yield node;
  for (const [key, value] of Object.entries(node)) {
    // The range leads to the whole file.
    if (key === "range" || (key === "name" && node instanceof as.DeclarationStatement)) continue;
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each instanceof as.Node) yield* nodesIn(as, each);
    }
  }
}

export function lineOf({ range }: Node): number {
  return range.source.lineAt(range.start);
}

export function partsOfName(name: TypeName): readonly string[] {
  const parts: string[] = [];
  for (let part: TypeName | null = name; part !== null; part = part.next) parts.push(part.identifier.text);
  return parts;
}
