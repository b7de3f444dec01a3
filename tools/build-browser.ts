// Builds a package for browsers, in the package's folder: dist/browser/ has one file per source file, so that a bundler
// keeps those that an app uses ("sideEffects": false). A third-party library is inside the file that imports it, or, if
// it is loaded on first use, in dist/browser/libraries/. What is left to import: other @cola packages, and the runtime.
// A module of Node that an entry reaches fails the build, with the chain of imports that leads to it.

import { readFileSync, rmSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { build, type BuildOptions, type Plugin } from 'esbuild'
import { builtinChains } from './import-chains.ts'

const conditions = ['@cola/source', 'browser', 'import', 'default']
const outdir = join('dist', 'browser')

/** An entry of package.json's imports or exports. */
type Entry = string | null | { readonly [condition: string]: Entry }

interface Manifest {
  name: string
  imports?: Record<string, Entry>
  exports: Record<string, Entry>
}

/** The target of an entry, by the conditions of a browser's build. */
const targetOf = (entry: Entry): string | null =>
  entry === null || typeof entry === 'string'
    ? entry
    : targetOf(Object.entries(entry).find(([condition]) => conditions.includes(condition))?.[1] ?? null)

/** Resolves '#name' by package.json; libraries that stay imports are external. */
const packageImports = ({ imports = {} }: Manifest): Plugin => ({
  name: 'package-imports',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^#/ }, ({ path }) => {
      const target = targetOf(imports[path] ?? null)
      return target?.startsWith('.') ? { path: resolve(target) } : { path: target ?? path, external: true }
    })
  },
})

/** Applies the "browser" field of libraries that have "exports" too, where esbuild ignores it. */
const browserField: Plugin = {
  name: 'browser-field',
  setup: ({ onResolve, resolve: find }) => {
    onResolve({ filter: /^[^.#/]/ }, async ({ path, kind, resolveDir, importer, pluginData }) => {
      if (pluginData === browserField) return undefined
      const found = await find(path, { kind, resolveDir, importer, pluginData: browserField })
      const [folder = '', file] = found.path.split(/(?<=node_modules\/(?:@[^/]+\/)?[^/@]+)\//)
      if (found.external || file === undefined) return undefined
      const { browser } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const replaced = typeof browser === 'object' && browser[`./${file}`]
      return replaced ? { path: join(folder, replaced) } : undefined
    })
  },
}

/** Keeps apart the package's own files, also in `new URL('./file.ts', import.meta.url)`, and lazy libraries. */
const separateFiles = (files: readonly string[], libraries: Readonly<Record<string, string>>): Plugin => ({
  name: 'separate-files',
  setup: ({ onResolve, onLoad, resolve: find }) => {
    const external = (resolveDir: string, target: string) => {
      const path = relative(resolveDir, target).replace(/\.ts$/, '.js')
      return { path: path.startsWith('.') ? path : `./${path}`, external: true }
    }
    onResolve({ filter: /.*/ }, async ({ path, kind, resolveDir, importer, pluginData }) => {
      if (pluginData === separateFiles || kind === 'entry-point') return undefined
      const library = kind === 'dynamic-import' ? libraries[path] : undefined
      if (library) return external(resolveDir, resolve('src', 'libraries', library))
      if (!/^[.#]/.test(path)) return undefined
      const found = await find(path, { kind, resolveDir, importer, pluginData: separateFiles })
      return files.includes(relative('.', found.path)) ? external(resolveDir, found.path) : undefined
    })
    onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll(/(?<=new URL\('\..*)\.ts(?=', import\.meta\.url\))/g, '.js'),
      loader: 'ts',
    }))
  },
})

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
const entries = Object.values(manifest.exports)
  .map((entry) => relative('.', targetOf(entry) ?? ''))
  .filter((file) => file.endsWith('.ts'))
const plugins = [packageImports(manifest), browserField]
const options: BuildOptions = {
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2023',
  conditions,
  external: ['@cola/*', 'onnxruntime-web', 'node:*'],
  logLevel: 'warning',
  sourcemap: true,
  plugins,
}
const { metafile } = await build({ ...options, entryPoints: entries, outdir, write: false, metafile: true })
const chains = builtinChains(metafile, entries)
if (chains.length > 0)
  throw new Error(`${manifest.name}: a browser's build reaches\n${chains.map((chain) => `  ${chain}`).join('\n')}`)

const files = Object.keys(metafile.inputs).filter((file) => file.startsWith('src/'))
const lazy = files
  .flatMap((file) => metafile.inputs[file]?.imports ?? [])
  .filter(({ kind, external, path }) => kind === 'dynamic-import' && !external && !path.startsWith('src/'))
  .flatMap(({ original }) => original ?? [])
const libraries = Object.fromEntries(lazy.map((name) => [name, `${name.replace(/^@/, '').replaceAll('/', '-')}.js`]))
rmSync(outdir, { recursive: true, force: true })
const own = [separateFiles(files, libraries), ...plugins]
await build({ ...options, entryPoints: files, outbase: 'src', outdir, plugins: own })
const entryPoints = Object.fromEntries(Object.entries(libraries).map(([name, file]) => [file.slice(0, -3), name]))
await build({ ...options, entryPoints, outdir: join(outdir, 'libraries') })
