// Adapters beside a base model: what is kept of each, in memory and in the browser's storage.

import type { FileStore } from '@cola/data'
import { elementCount, float32, parseSafetensors, serializeSafetensors, type Tensor } from '@cola/graph'
import { type AdaptedModel, type Adapter, adapterTensors, type BaseModel, openAdapter } from '@cola/lora'
import type { AdapterSummary, Row } from '../messages.ts'
import { foldersIn, openFolder, removeFolder } from './storage.ts'

/** What the page knows of a run, beside the adapter itself. */
export interface Origin {
  labels: readonly string[]
  train: readonly Row[]
  heldOut: readonly Row[]
  accuracy?: number | undefined
}

export interface Kept extends Origin {
  name: string
  adapter: Adapter
  /** The adapter at the start of its run: the base model with the head that it began with. */
  before?: Adapter | undefined
  files: FileStore
}

const originFile = 'page.json'
const beforeFile = 'before.safetensors'

/** Files that the page keeps beside an adapter for itself. */
export const ownFiles: readonly string[] = [originFile, beforeFile]

export const summaryOf = ({ name, labels, accuracy, adapter: { tensors } }: Kept): AdapterSummary => ({
  name,
  labels,
  accuracy,
  bytes: [...tensors.values()].reduce((sum, { dims }) => sum + 4 * elementCount(dims), 0),
})

/** Adapters of a base model lie in a folder of its key. */
const folderOf = (base: string, ...rest: string[]): string[] => ['adapters', base.replaceAll('/', '--'), ...rest]

/** Opens a folder for an adapter, under a name that no other has. */
export async function adapterFolder(
  base: string,
  wanted: string,
  taken: ReadonlySet<string>,
  onFailure: (error: Error) => void,
): Promise<{ name: string; files: FileStore }> {
  const plain =
    wanted
      .trim()
      .replaceAll(/[^\p{L}\p{N}._ -]/gu, '-')
      .slice(0, 40) || 'adapter'
  const name = freeName(plain, taken)
  await removeFolder(...folderOf(base, name))
  return { name, files: await openFolder(folderOf(base, name), onFailure) }
}

/** A name, with a number where another one has it. */
export function freeName(plain: string, taken: Pick<ReadonlySet<string>, 'has' | 'size'>): string {
  const names = [plain, ...Array.from({ length: taken.size + 1 }, (_, i) => `${plain}-${i + 2}`)]
  return names.find((name) => !taken.has(name)) as string
}

/** The adapters of a base model that this browser keeps. What cannot be read is left out. */
export async function keptAdapters(base: string, onFailure: (error: Error) => void): Promise<Kept[]> {
  const kept: Kept[] = []
  for (const name of await foldersIn(...folderOf(base)).catch(() => []))
    try {
      kept.push(await readKept(name, await openFolder(folderOf(base, name), onFailure)))
    } catch {
      await removeFolder(...folderOf(base, name))
    }
  return kept
}

export const dropAdapter = (base: string, name: string): Promise<void> => removeFolder(...folderOf(base, name))

/** Reads an adapter's folder: PEFT's files, and what the page wrote beside them. */
export async function readKept(name: string, files: FileStore): Promise<Kept> {
  const adapter = await openAdapter(files)
  const origin = files.has(originFile)
    ? (JSON.parse(new TextDecoder().decode(files.read(originFile))) as Origin)
    : { labels: adapter.head?.labels ?? [], train: [], heldOut: [] }
  const before = files.has(beforeFile)
    ? { ...adapter, tensors: new Map(parseSafetensors(files.read(beforeFile)).tensors) }
    : undefined
  return { ...origin, name, adapter, before, files }
}

/** Writes what the page knows of a run beside its adapter. */
export function writeOrigin(files: FileStore, origin: Origin, model: AdaptedModel): void {
  files.write(originFile, [new TextEncoder().encode(JSON.stringify(origin))])
  files.write(beforeFile, [serializeSafetensors(tensorsBefore(model))])
}

/** The adapter's tensors before the first step: B of zeros, and the head that training began with. */
function tensorsBefore(model: AdaptedModel): Map<string, Tensor> {
  const head = model.head?.name
  return new Map(
    [...adapterTensors(model)].map(([file, value]) => {
      const part = head === undefined ? undefined : /\.(weight|bias)$/.exec(file)?.[1]
      const first = file.includes(`.${head}.`) && part ? model.base.initializers.get(`${head}.${part}`) : undefined
      if (first) return [file, first]
      return [file, file.includes('lora_B') ? float32(value.dims, new Float32Array(elementCount(value.dims))) : value]
    }),
  )
}

/** The names of a base model's head: transformers' `score` for decoders, `classifier` for encoders. */
export const headName = ({ causal }: BaseModel): string => (causal ? 'score' : 'classifier')
