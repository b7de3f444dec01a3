// The public declarations of the packages, as TypeScript has them.

import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export const packages = ['graph', 'data', 'train', 'lora', 'rnn', 'distill']
const source = (name) => fileURLToPath(new URL(`../packages/${name}/src/index.ts`, import.meta.url))

const program = ts.createProgram(packages.map(source), {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
  customConditions: ['@cola/source'],
  types: ['node'],
  strict: true,
  skipLibCheck: true,
  noEmit: true,
  allowImportingTsExtensions: true,
})
export const checker = program.getTypeChecker()

export const nameOf = (type) => (type.aliasSymbol ?? type.symbol)?.name ?? ''
const inPackage = (symbol, name) =>
  symbol?.declarations?.some((one) => one.getSourceFile().fileName.includes(`/packages/${name}`))
export const isOurs = (symbol) => inPackage(symbol, '')

/** The exports of a package; what it exports of another one is that package's own. */
export function exportsOf(name) {
  const file = program.getSourceFile(source(name))
  return checker.getExportsOfModule(checker.getSymbolAtLocation(file)).map((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    const isOwn = Boolean(symbol.flags & ts.SymbolFlags.Value) && inPackage(symbol, name)
    return { exported: exported.name, symbol, file, isOwn }
  })
}
