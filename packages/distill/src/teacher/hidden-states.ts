// A teacher's hidden states of every token of texts, as float16: in memory, or in files of some hundred texts each, so
// that a run that was stopped asks only for what is missing.

import type { FileStore } from '@cola/data'
import { safetensorsChunks } from '@cola/graph'
import { FeedError } from '@cola/train'
import { flush, sha256, storeOf } from '@cola/train/files'
import { readStateChunk, type StateChunk, stateChunk, stateTensors } from './state-chunk.ts'
import type { Split, Teacher } from './teacher.ts'

/** Texts of a file: about 6 MB for sentences and 576 numbers a token. */
const textsOfChunk = 512

export interface HiddenStatesOfSplit {
  /** Numbers of a state. */
  readonly width: number
  readonly chunks: readonly StateChunk[]
}

/**
 * The hidden states of a split's texts.
 * @param folder Where they are kept, under a hash of the teacher's fingerprint and the texts. @default in memory
 * @throws {FeedError} for a teacher that shows none, and naming split and row for states that are not one a token, of
 * several widths, or of numbers that float16 does not hold; {FileError} when the folder cannot be written.
 */
export async function hiddenStatesOf(
  teacher: Teacher,
  split: Split,
  { folder }: { folder?: string | FileStore | undefined } = {},
): Promise<HiddenStatesOfSplit> {
  const key = folder === undefined ? undefined : await teacher.fingerprint?.()
  const store = folder === undefined || key === undefined ? undefined : storeOf(folder)
  const chunks: StateChunk[] = []
  for (let first = 0; first < split.texts.length; first += textsOfChunk) {
    const texts = split.texts.slice(first, first + textsOfChunk)
    const file = store && { store, name: nameOf(key as string, texts) }
    const chunk = (file && kept(file, texts.length)) ?? (await ask(teacher, { ...split, texts }, first, file))
    const width = chunks[0]?.width ?? chunk.width
    if (chunk.width !== width)
      throw new FeedError({
        where: `teacher, split "${split.name}", row ${first + 1}`,
        what: 'hidden states of another width',
        expected: String(width),
        found: String(chunk.width),
      })
    chunks.push(chunk)
  }
  return { width: chunks[0]?.width ?? 0, chunks }
}

interface ChunkFile {
  store: FileStore
  name: string
}

const nameOf = (key: string, texts: readonly string[]): string =>
  `${sha256([JSON.stringify(['hidden_states', key, texts])])}.safetensors`

function kept({ store, name }: ChunkFile, texts: number): StateChunk | undefined {
  if (!store.has(name)) return undefined
  try {
    const chunk = readStateChunk(store, name)
    return chunk.lengths.length === texts ? chunk : undefined
  } catch {
    return undefined // Damaged: by a disk, not by a writer.
  }
}

async function ask(teacher: Teacher, split: Split, first: number, file: ChunkFile | undefined): Promise<StateChunk> {
  if (!teacher.hiddenStates)
    throw new FeedError({
      where: 'teacher',
      what: 'it shows no hidden states of its tokens',
      expected: 'hiddenStates(texts)',
      fix: 'Give a model of fineTune or loadFineTuned of @cola/lora.',
    })
  const where = (row: number) => `teacher, split "${split.name}", row ${first + row + 1}`
  const chunk = stateChunk(await teacher.hiddenStates(split.texts), split.texts.length, where)
  if (file === undefined) return chunk
  file.store.write(file.name, safetensorsChunks(stateTensors(chunk)))
  await flush(file.store)
  return readStateChunk(file.store, file.name)
}
