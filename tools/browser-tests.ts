// Which of the packages' test files run in Chromium too: those that use no function of Node but the two of
// tools/browser-shims, and are not in the list below. All that do not are listed in browser-left-out.ts.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { root } from './root.ts'

/** Functions of Node that the tests have in a browser: they read fixtures. */
const shims: Readonly<Record<string, readonly string[]>> = {
  'node:fs': ['existsSync', 'readdirSync', 'readFileSync'],
  'node:path': ['join'],
}

/** What a test file that uses a module of Node does there that no browser can. */
const reasons: Readonly<Record<string, string>> = {
  'node:child_process': 'starts processes',
  'node:crypto': "compares with Node's own hashes",
  'node:fs': 'works on folders of the disk',
  'node:http': 'starts a server',
  'node:os': 'works on folders of the disk',
}

/** Test files that are left out for what no import tells. */
const leftOutByHand: Readonly<Record<string, string>> = {
  'packages/lora/test/generate/cached.test.ts': 'opens the folders of decoders',
  'packages/lora/test/generate/copied-cache.test.ts': 'compares with a cache in place, which Node alone has',
  'packages/data/test/source/cola-release.test.ts': 'reads what is not in the repository',
  'packages/lora/test/finetune/fine-tune-pretrained.test.ts': 'reads what is not in the repository',
  'packages/lora/test/onnx/open-hub.test.ts': 'starts a server',
  'packages/lora/test/tasks/next-token-loss-webgpu.test.ts': "runs on Node's software GPU alone",
  'packages/lora/test/tasks/sentence-embedding-pretrained.test.ts': 'reads what is not in the repository',
  'packages/lora/test/tasks/token-classification-pretrained.test.ts': 'reads what is not in the repository',
  'packages/graph/test/rewrite/decompositions/normalized-heads.test.ts': "runs on Node's software GPU alone",
}

/** The static imports of a file: names without types, by specifier. */
function importsOf(file: string): { specifier: string; names: string[] }[] {
  const source = readFileSync(file, 'utf8')
  return [...source.matchAll(/^(?:import|export) (?!type )(?:([^'"]*?) from )?'([^']+)'/gm)].map(
    ([, names = '', specifier = '']) => ({
      specifier,
      names: names
        .replace(/[{}]/g, '')
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name && !name.startsWith('type ')),
    }),
  )
}

/** Why a file cannot run in a browser: what it, or a file that it imports, takes from Node. */
function reasonOf(file: string, seen = new Set<string>()): string | undefined {
  if (seen.has(file)) return undefined
  seen.add(file)
  for (const { specifier, names } of importsOf(file)) {
    if (specifier.startsWith('node:') && names.some((name) => !shims[specifier]?.includes(name)))
      return reasons[specifier] ?? `uses ${specifier}`
    const path = resolve(dirname(file), specifier)
    const reason = specifier.startsWith('.') && existsSync(path) ? reasonOf(path, seen) : undefined
    if (reason) return reason
  }
  return undefined
}

export interface BrowserTests {
  /** Files that run. */
  readonly run: readonly string[]
  /** Why the others do not. */
  readonly leftOut: Readonly<Record<string, string>>
}

/** The test files of the packages, without those that open a browser themselves. */
export function browserTests(): BrowserTests {
  const files = readdirSync(join(root, 'packages'))
    .flatMap((name) => {
      const folder = join('packages', name, 'test')
      return readdirSync(join(root, folder), { encoding: 'utf8', recursive: true }).map((file) => join(folder, file))
    })
    .filter((file) => file.endsWith('.test.ts') && !file.endsWith('.browser.test.ts'))
    .sort()
  const why = files.map((file) => [file, leftOutByHand[file] ?? reasonOf(join(root, file))] as const)
  return {
    run: why.flatMap(([file, reason]) => (reason === undefined ? [file] : [])),
    leftOut: Object.fromEntries(why.filter((entry): entry is [string, string] => entry[1] !== undefined)),
  }
}
