// The addresses of the runtime's files as a bundler writes them. A bundler knows the form `new URL('FILE',
// import.meta.url)`, copies the file and puts its address here. Node's build has ./no-bundled-files.ts instead.

import { bundledFiles as notBundled } from './no-bundled-files.ts'
import type { WasmBuild, WasmFiles } from './wasm-files.ts'

// Turbopack builds without the runtime where its files are named in a try block.
function addresses(): Record<WasmBuild, WasmFiles> {
  try {
    return {
      wasm: {
        mjs: new URL('onnxruntime-web/ort-wasm-simd-threaded.mjs', import.meta.url).href,
        wasm: new URL('onnxruntime-web/ort-wasm-simd-threaded.wasm', import.meta.url).href,
      },
      webgpu: {
        mjs: new URL('onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs', import.meta.url).href,
        wasm: new URL('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm', import.meta.url).href,
      },
    }
  } catch {
    return notBundled
  }
}

export const bundledFiles = addresses()

/** Address of this file, or of the bundle that it is part of. */
export const moduleAddress: string = import.meta.url

/**
 * The address of a module by the page's import map. Vite's classic workers have no `import.meta` and warn of it
 * (EMPTY_IMPORT_META): there it is `{}`, and nothing calls this, because the addresses above are Vite's. Nothing else
 * reads an import map: a module at a `data:` address could, but not under a Content-Security-Policy.
 * @throws {TypeError} when it has none.
 */
export const resolveModule = (specifier: string): string => import.meta.resolve(specifier)
