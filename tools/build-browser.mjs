// Builds a package for browsers, in the package's folder: dist/browser/ has one file per source file, so that a bundler
// keeps those that an app uses ("sideEffects": false). A third-party library is inside the file that imports it, or, if
// it is loaded on first use, in dist/browser/libraries/. What is left to import: other @cola packages, and the runtime.
// A `node:` import that an entry reaches fails the build, with the chain of imports that leads to it.

import { readFileSync, rmSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { build } from 'esbuild'

const conditions = ['@cola/source', 'browser', 'import', 'default']
const outdir = join('dist', 'browser')

/** The target of an entry of package.json's imports or exports, by the conditions of a browser's build. */
const targetOf = (entry) =>
  entry === null || typeof entry === 'string'
    ? entry
    : targetOf(Object.entries(entry).find(([condition]) => conditions.includes(condition))?.[1] ?? null)

/** Resolves '#name' by package.json; libraries that stay imports are external. */
const packageImports = ({ imports = {} }) => ({
  name: 'package-imports',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^#/ }, ({ path }) => {
      const target = targetOf(imports[path] ?? null)
      return target?.startsWith('.') ? { path: resolve(target) } : { path: target ?? path, external: true }
    })
  },
})

/** Applies the "browser" field of libraries that have "exports" too, where esbuild ignores it. */
const browserField = {
  name: 'browser-field',
  setup: ({ onResolve, resolve: find }) => {
    onResolve({ filter: /^[^.#/]/ }, async ({ path, kind, resolveDir, importer, pluginData }) => {
      if (pluginData === browserField) return undefined
      const found = await find(path, { kind, resolveDir, importer, pluginData: browserField })
      const [folder, file] = found.path.split(/(?<=node_modules\/(?:@[^/]+\/)?[^/@]+)\//)
      if (found.external || file === undefined) return undefined
      const { browser } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const replaced = typeof browser === 'object' && browser[`./${file}`]
      return replaced ? { path: join(folder, replaced) } : undefined
    })
  },
}

/** Asks Node for its modules at run time, where source files import them behind a check. */
const builtinModules = {
  name: 'builtin-modules',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'builtin' }))
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = globalThis.process?.getBuiltinModule?.('${path}') ?? {}`,
      loader: 'js',
    }))
  },
}

/** Keeps apart the package's own files, also in `new URL('./file.ts', import.meta.url)`, and lazy libraries. */
const separateFiles = (files, libraries) => ({
  name: 'separate-files',
  setup: ({ onResolve, onLoad, resolve: find }) => {
    const external = (resolveDir, target) => {
      const path = relative(resolveDir, target).replace(/\.ts$/, '.js')
      return { path: path.startsWith('.') ? path : `./${path}`, external: true }
    }
    onResolve({ filter: /.*/ }, async ({ path, kind, resolveDir, importer, pluginData }) => {
      if (pluginData === separateFiles || kind === 'entry-point') return undefined
      const library = kind === 'dynamic-import' ? libraries[path] : undefined
      if (library) return external(resolveDir, join('src', 'libraries', library))
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

/** The chains of imports from entries to the imports that `isFound` selects, of an esbuild metafile. */
export function importChains({ inputs }, entries, isFound) {
  const chains = []
  const seen = new Set(entries)
  const walk = (file, chain) => {
    for (const { path, external } of inputs[file]?.imports ?? []) {
      if (isFound(path)) chains.push([...chain, path])
      if (external || seen.has(path)) continue
      seen.add(path)
      walk(path, [...chain, path])
    }
  }
  for (const entry of entries) walk(entry, [entry])
  return chains
}

async function buildPackage() {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
  const entries = Object.values(manifest.exports)
    .map((entry) => relative('.', targetOf(entry)))
    .filter((file) => file.endsWith('.ts'))
  const plugins = [packageImports(manifest), browserField, builtinModules]
  const options = {
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
  const chains = importChains(metafile, entries, (path) => path.startsWith('node:'))
  if (chains.length > 0)
    throw new Error(
      `${manifest.name}: a browser's build reaches\n${chains.map((chain) => `  ${chain.join(' -> ')}`).join('\n')}`,
    )

  const files = Object.keys(metafile.inputs).filter((file) => file.startsWith('src/'))
  const lazy = files
    .flatMap((file) => metafile.inputs[file].imports)
    .filter(({ kind, external, path }) => kind === 'dynamic-import' && !external && !path.startsWith('src/'))
    .map(({ original }) => original)
  const libraries = Object.fromEntries(
    lazy.map((name) => [name, `${name.replace(/^@/, '').replaceAll(/[/:]/g, '-')}.js`]),
  )
  rmSync(outdir, { recursive: true, force: true })
  const own = [separateFiles(files, libraries), ...plugins]
  await build({ ...options, entryPoints: files, outbase: 'src', outdir, plugins: own })
  const entryPoints = Object.fromEntries(Object.entries(libraries).map(([name, file]) => [file.slice(0, -3), name]))
  await build({ ...options, entryPoints, outdir: join(outdir, 'libraries') })
}

if (process.argv[1] === import.meta.filename) await buildPackage()
