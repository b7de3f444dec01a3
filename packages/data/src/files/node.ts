// Node's modules, found at run time: bundlers for browsers see no import. What names their types is internal: a declaration
// that did would need @types/node, of one version, in every project that uses this package.

import { requireKind } from '@cola/graph/door'
import { show } from '@cola/graph/options'
import { DataError } from '../errors.ts'

interface WithBuiltins {
  process?: { getBuiltinModule?: (name: string) => unknown }
}

/** A module of Node, by its name with `node:`; undefined outside Node, and before Node 20.16. */
export const nodeModule = <Module>(name: string): Module | undefined => {
  requireKind('nodeModule, name', name, 'text')
  return (globalThis as WithBuiltins).process?.getBuiltinModule?.(name) as Module | undefined
}

/** Whether this environment has files: whether it is Node. */
export const hasFiles = (): boolean => Boolean(nodeModule('node:fs'))

/** What a page gives where Node has a path, by what the path is for. */
export const standIns = {
  source: 'Give an address (./NAME is beside the page), or what a person picked.',
  files: 'Give await openFiles(...).',
  sink: 'Give memorySink(), for zipOf or copyFiles.',
  store: 'Give await directoryStore(handle), for output_dir too.',
} as const

/** @throws {DataError} for a path outside Node, with what to give there. */
export function requireFolders(path: string, use: keyof typeof standIns): void {
  if (hasFiles()) return
  const fix = `${standIns[use]} Paths need Node 20.19 or later.`
  throw new DataError({ where: show(path), what: 'a page has no folders', fix })
}

function builtin<Module>(name: string): Module {
  const module = nodeModule<Module>(name)
  if (!module)
    throw new DataError({
      where: name,
      what: 'only Node has it',
      fix: 'Use Node 20.19 or later.',
    })
  return module
}

/** node:fs. @throws {DataError} outside Node. @internal */
export const fileSystem = () => builtin<typeof import('node:fs')>('node:fs')

/** node:path. @throws {DataError} outside Node. @internal */
export const paths = () => builtin<typeof import('node:path')>('node:path')

/** node:url. @throws {DataError} outside Node. @internal */
export const nodeUrl = () => builtin<typeof import('node:url')>('node:url')

/** node:os. @throws {DataError} outside Node. @internal */
export const system = () => builtin<typeof import('node:os')>('node:os')

/** node:crypto. @throws {DataError} outside Node. @internal */
export const nodeCrypto = () => builtin<typeof import('node:crypto')>('node:crypto')
