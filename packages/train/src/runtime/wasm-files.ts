// Where a browser finds the runtime's two files: its wasm and the script that starts it and its threads. The script is
// a file of its own, because each thread is a worker that runs it: part of an app's bundle, it would run the app again.

import { DeviceError } from '../errors.ts'

/** Addresses of the two files of a build of the runtime. */
export interface WasmFiles {
  mjs: string
  wasm: string
}

/** Builds of the runtime: for processors alone, and with WebGPU, whose wasm is slower on processors. */
export type WasmBuild = 'wasm' | 'webgpu'

/** Names of the files of each build, without extension. */
const names: Record<WasmBuild, string> = {
  wasm: 'ort-wasm-simd-threaded',
  webgpu: 'ort-wasm-simd-threaded.asyncify',
}

const inFolder = (build: WasmBuild, folder: string): WasmFiles => ({
  mjs: new URL(`${names[build]}.mjs`, folder).href,
  wasm: new URL(`${names[build]}.wasm`, folder).href,
})

/** A folder's address with the slash at its end that makes names relative to it. */
export const folderAddress = (folder: string, base: string): string =>
  new URL(folder.endsWith('/') ? folder : `${folder}/`, base).href

/**
 * The addresses at which the files of a build may lie, the likeliest first.
 * @param folder Address of the folder that the host names. Then no other is tried.
 * @param bundled What `new URL('onnxruntime-web/FILE', import.meta.url)` gives: Vite, webpack and Turbopack put the
 * address of the file in its place; others leave it as it is.
 * @param resolve Gives the address of a module by the page's import map, or throws.
 */
export function wasmCandidates(
  build: WasmBuild,
  {
    folder,
    bundled,
    module,
    resolve,
  }: { folder?: string | undefined; bundled: WasmFiles; module: string; resolve: (specifier: string) => string },
): WasmFiles[] {
  if (folder !== undefined) return [inFolder(build, folder)]
  const untouched = bundled.wasm.endsWith(`/onnxruntime-web/${names[build]}.wasm`)
  if (!untouched) return [bundled]
  const folders = [importMapped(() => resolve(`onnxruntime-web/${build}`)), sibling(bundled.wasm), module]
  return [...new Set(folders)].filter((found) => found !== undefined).map((found) => inFolder(build, found))
}

function importMapped(resolve: () => string): string | undefined {
  try {
    return resolve()
  } catch {
    return undefined
  }
}

/** The runtime's folder where packages are served from node_modules, such as by Vite's development server. */
function sibling(address: string): string | undefined {
  const folder = address.replace(/\/@cola\/train\/.*/, '/onnxruntime-web/dist/')
  return folder === address ? undefined : folder
}

/**
 * Fetches the wasm of the first candidate that has it.
 * @throws {DeviceError} naming each address and what it answered, such as the page of an app instead of the file.
 */
export async function fetchWasm(candidates: readonly WasmFiles[]): Promise<{ files: WasmFiles; binary: ArrayBuffer }> {
  const answers: string[] = []
  for (const files of candidates) {
    const answer = await readWasm(files.wasm)
    if (typeof answer !== 'string') return { files, binary: answer }
    answers.push(`${files.wasm}: ${answer}`)
  }
  throw new DeviceError({
    where: candidates[0]?.wasm ?? 'onnxruntime-web',
    what: "the runtime's wasm is not at this address",
    expected: 'WebAssembly: a file of the folder onnxruntime-web/dist',
    found: answers.join('; '),
    fix: filesFix,
  })
}

export const filesFix =
  'Copy the ort-wasm-simd-threaded*.mjs and .wasm of node_modules/onnxruntime-web/dist to where the page is served, ' +
  'and name that folder: configureRuntime({ wasmPaths: "/ort/" }).'

/** The bytes, or what the address has instead. */
async function readWasm(address: string): Promise<ArrayBuffer | string> {
  try {
    const response = await fetch(address)
    const html = response.headers.get('content-type')?.includes('text/html')
    if (!response.ok || html) {
      await response.body?.cancel()
      return response.ok ? 'HTML' : `status ${response.status}`
    }
    const binary = await response.arrayBuffer()
    return isWasm(binary) ? binary : `${binary.byteLength} bytes that are not WebAssembly`
  } catch (cause) {
    return (cause as Error).message
  }
}

const isWasm = (binary: ArrayBuffer): boolean =>
  binary.byteLength > 8 && new TextDecoder().decode(new Uint8Array(binary, 0, 4)) === '\0asm'
