// The packages as they are published: built, packed, and installed in other folders. For tests.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { alone } from './alone.ts'
import { root } from './root.ts'

/** Other projects install from the registry; without one the tests that need it are skipped, visibly. */
export const online = spawnSync('npm', ['view', 'onnxruntime-node@1.30.0', 'version'], { cwd: root }).status === 0

const quiet = ['--no-audit', '--no-fund', '--loglevel=error']

export const npm = (cwd: string, ...args: string[]): string =>
  execFileSync('npm', [...args, ...quiet], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/**
 * Builds and packs all packages into a folder. @returns The tarball of each, as npm's `file:` specifier, by package.
 */
export async function pack(folder: string): Promise<Record<string, string>> {
  mkdirSync(folder, { recursive: true })
  // A build empties dist/ first.
  await alone('packing', () => {
    const nx = join(root, 'node_modules/.bin/nx')
    execFileSync(nx, ['run-many', '-t', 'build', '--projects=packages/*'], { cwd: root, stdio: 'pipe' })
    for (const name of readdirSync(join(root, 'packages')))
      npm(join(root, 'packages', name), 'pack', '--pack-destination', folder)
  })
  return Object.fromEntries(
    readdirSync(folder).map((file) => [`@cola/${file.split('-')[1]}`, `file:${join(folder, file)}`]),
  )
}

/** Puts packed packages in place of the registry's in a project's package.json. */
export function useTarballs(folder: string, packed: Readonly<Record<string, string>>): void {
  const path = join(folder, 'package.json')
  const json = JSON.parse(readFileSync(path, 'utf8')) as { dependencies: Record<string, string> }
  for (const dependency of Object.keys(json.dependencies))
    json.dependencies[dependency] = packed[dependency] ?? (json.dependencies[dependency] as string)
  writeFileSync(path, JSON.stringify({ ...json, overrides: packed }))
}

/** Runs an `npm install ...` line in an empty folder, with packed packages in place of the registry's. */
export function install(folder: string, line: string, packed: Readonly<Record<string, string>>): void {
  const words = line.trim().split(/\s+/).slice(2)
  const names = words.filter((word) => !word.startsWith('-'))
  const dependencies = Object.fromEntries(names.map((name) => [name, packed[name] ?? '*']))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies, overrides: packed }))
  npm(folder, 'install', '--prefer-offline', ...words.filter((word) => word.startsWith('-')))
}

/** Runs a TypeScript file in a folder; not synchronously, because the hub answers from this process. */
export function runTypeScript(folder: string, file: string, env: NodeJS.ProcessEnv) {
  const tsx = pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href
  const child = spawn(process.execPath, ['--import', tsx, file], { cwd: folder, env: { ...process.env, ...env } })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (data) => {
      said[stream] += data
    })
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) =>
    child.on('close', (code) => resolve({ code: code ?? 1, ...said })),
  )
}

/**
 * What TypeScript, strict, says of the files of a folder and of the declarations that are installed there. Without types
 * of Node: a declaration that needs some would need one version of them.
 */
export function typecheck(folder: string): string {
  const compilerOptions = {
    strict: true,
    module: 'nodenext',
    target: 'es2023',
    lib: ['es2023', 'dom'],
    types: [],
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: false,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts', '*.ts'] }))
  const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8', shell: false })
  return stdout
}
