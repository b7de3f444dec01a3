// Prints every public function and method that takes options, with the names and types of the options, as JSON. It reads
// the types, so none can be forgotten: tools/options.test.ts calls each of them with options that are not valid.

import ts from 'typescript'
import { checker, exportsOf, isOurs, nameOf, packages } from './declarations.mjs'

/** Parameters of these types are data, which have checks of their own. */
const data = new Set([
  ...[
    'Adapter',
    'AdaptedModel',
    'AdapterConfigJson',
    'ChatMessage',
    'DeviceLostError',
    'DirectoryHandle',
    'EmbeddingTable',
    'Encoder',
    'Error',
    'ErrorOptions',
  ],
  ...[
    'FileSink',
    'Files',
    'FileStore',
    'HeadedModel',
    'InferContext',
    'LogitsOfTexts',
    'MergedModel',
    'Model',
    'PackedMatrix',
  ],
  ...[
    'PlainError',
    'Problem',
    'RunState',
    'Teacher',
    'Tensor',
    'TextInput',
    'TextSampler',
    'TrainingArtifacts',
    'Value',
    'Loss',
  ],
])

const found = new Map()
const visited = new Set()
/** Types whose methods are being visited: one may give its own type again, of more names. */
const open = new Set()

/** Whether a parameter holds options: an object with a property that may be absent, or one that is called so. */
function isOptions(parameter, type) {
  if (type.isUnion() || type.getCallSignatures().length > 0 || data.has(nameOf(type))) return false
  if (!(type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection))) return false
  if (checker.isArrayType(type) || checker.isTupleType(type) || type.getStringIndexType()) return false
  const properties = type.getProperties()
  return properties.some(({ flags }) => flags & ts.SymbolFlags.Optional) || parameter.name === 'options'
}

function visitSignatures(name, signatures, place) {
  for (const signature of signatures) {
    for (const parameter of signature.parameters) {
      const type = checker.getNonNullableType(checker.getTypeOfSymbolAtLocation(parameter, place))
      if (!isOptions(parameter, type)) continue
      const options = type.getProperties().map((property) => {
        const of = checker.getNonNullableType(checker.getTypeOfSymbolAtLocation(property, place))
        const kinds = of.isUnion() ? of.types : [of]
        return [property.name, { isNumber: kinds.some(({ flags }) => flags & ts.TypeFlags.NumberLike) }]
      })
      const door = `${name}(${parameter.name})`
      found.set(door, { ...found.get(door), ...Object.fromEntries(options) })
    }
    const result = signature.getReturnType()
    visitMembers(checker.getAwaitedType(result) ?? result, place)
  }
}

/** Whether members are the class's own: `private`, or `#name`. */
const isPrivate = (declarations = []) =>
  declarations.some(
    (one) =>
      (one.name && ts.isPrivateIdentifier(one.name)) || ts.getCombinedModifierFlags(one) & ts.ModifierFlags.Private,
  )

/** Methods of an object of a public type. */
function visitMembers(type, place) {
  const name = nameOf(type)
  const symbol = type.aliasSymbol ?? type.symbol
  if (visited.has(type) || open.has(symbol) || !isOurs(symbol)) return
  visited.add(type)
  open.add(symbol)
  for (const property of type.getProperties()) {
    if (!isOurs(property) || isPrivate(property.declarations)) continue
    const signatures = checker.getTypeOfSymbolAtLocation(property, place).getCallSignatures()
    visitSignatures(`${name}.${property.name}`, signatures, place)
  }
  open.delete(symbol)
}

for (const name of packages) {
  for (const { exported, symbol, file, isOwn } of exportsOf(name)) {
    const declared = symbol.flags & ts.SymbolFlags.Type ? checker.getDeclaredTypeOfSymbol(symbol) : undefined
    if (declared && !data.has(nameOf(declared)) && !nameOf(declared).endsWith('Error')) visitMembers(declared, file)
    if (!isOwn || /^[A-Z].*Error$/.test(exported)) continue
    const type = checker.getTypeOfSymbolAtLocation(symbol, file)
    visitSignatures(`${name} ${exported}`, type.getCallSignatures(), file)
    const constructors = type
      .getConstructSignatures()
      .filter(({ declaration }) => !isPrivate([declaration].filter(Boolean)))
    visitSignatures(`new ${exported}`, constructors, file)
    if (symbol.flags & ts.SymbolFlags.Class)
      for (const member of type.getProperties().filter(({ declarations }) => !isPrivate(declarations))) {
        const signatures = checker.getTypeOfSymbolAtLocation(member, file).getCallSignatures()
        visitSignatures(`${exported}.${member.name}`, signatures, file)
      }
  }
}
console.log(JSON.stringify(Object.fromEntries(found)))
