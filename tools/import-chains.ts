// Which imports lead from an entry to a module of Node, in what esbuild says of a bundle.

import { builtinModules } from 'node:module'
import type { Metafile } from 'esbuild'

const isBuiltin = (path: string): boolean => path.startsWith('node:') || builtinModules.includes(path)

/** The chains of imports, static or dynamic, from entries to modules of Node: `a.ts -> b.ts -> node:fs`. */
export function builtinChains({ inputs }: Metafile, entries: readonly string[]): string[] {
  const chains: string[] = []
  const seen = new Set(entries)
  const walk = (file: string, chain: readonly string[]) => {
    for (const { path, external } of inputs[file]?.imports ?? []) {
      if (external && isBuiltin(path)) chains.push([...chain, path].join(' -> '))
      if (external || seen.has(path)) continue
      seen.add(path)
      walk(path, [...chain, path])
    }
  }
  for (const entry of entries) walk(entry, [entry])
  return chains
}
