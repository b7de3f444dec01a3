// In place of ./bundled-files.ts in Node, where the runtime is native: a server's bundler is asked for no wasm.

import type { WasmBuild, WasmFiles } from './wasm-files.ts'

const none: WasmFiles = { mjs: '', wasm: '' }
export const bundledFiles: Record<WasmBuild, WasmFiles> = { wasm: none, webgpu: none }
export const moduleAddress = ''
export const resolveModule = (specifier: string): string => specifier
