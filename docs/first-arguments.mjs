// Prints every public function that has a required argument, with the kinds of values that its first one may not be, as
// JSON. It reads the types, so none can be forgotten: tools/first-arguments.test.ts calls each with those values.

import ts from 'typescript'
import { checker, exportsOf, nameOf, packages } from './declarations.mjs'

const kinds = {
  null: checker.getNullType(),
  undefined: checker.getUndefinedType(),
  number: checker.getNumberType(),
  string: checker.getStringType(),
}

const typesIn = (type) => (type.isUnion() ? type.types : [type])
const isList = (type) =>
  Boolean(checker.getIndexInfoOfType(type, ts.IndexKind.Number)) || ['ArrayLike', 'Iterable'].includes(nameOf(type))
const isPrimitive = ({ flags }) => Boolean(flags & (ts.TypeFlags.NumberLike | ts.TypeFlags.StringLike))

const found = {}
for (const name of packages)
  for (const { exported, symbol, file, isOwn } of exportsOf(name)) {
    const [signature] = isOwn ? checker.getTypeOfSymbolAtLocation(symbol, file).getCallSignatures() : []
    const [first] = signature?.parameters ?? []
    const { questionToken, initializer, dotDotDotToken } = first?.valueDeclaration ?? {}
    if (!first || questionToken || initializer || dotDotDotToken) continue
    const declared = checker.getTypeOfSymbolAtLocation(first, file)
    const type = checker.getBaseConstraintOfType(declared) ?? declared
    const bad = Object.keys(kinds).filter((kind) => !checker.isTypeAssignableTo(kinds[kind], type))
    if (bad.length === 0) continue
    const isText = typesIn(type).every(isPrimitive)
    if (!isText && !typesIn(type).some(isList)) bad.push('array')
    // Names of places are only shown.
    if (first.name !== 'where' && nameOf(type) !== 'Promise') bad.push('promise')
    found[`${name} ${exported}`] = { bad, isText }
  }
console.log(JSON.stringify(found))
