// Runs in the browser: gives paths where Node has folders, and the handle of a folder, to a model that is fine-tuned.

import { type Files, openFiles, readRecords, readTable } from '@cola/data'
import { openSession, loadCheckpoint } from '@cola/train'
import { type FineTuned, fineTune, loadFineTuned, writeAdapter } from '../../src/index.ts'

const files = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors']
const train = [
  { text: 'where is my parcel', label: 'track' },
  { text: 'I want my money back', label: 'refund' },
]
const options = { train, epochs: 1, device: 'wasm' } as const
const base = (): Promise<Files> => openFiles('/files/', { files })
let tuned: FineTuned<'SEQ_CLS', 'track' | 'refund'>

/** What each call says of a path, or of a device. */
const calls: Readonly<Record<string, () => unknown>> = {
  table: () => readTable('tickets.csv'),
  records: () => readRecords('data/tickets.csv'),
  url: () => readTable('file:///tickets.csv'),
  output_dir: async () => fineTune(await base(), { ...options, output_dir: 'run' }),
  save: () => tuned.save('out/x'),
  export: () => tuned.export('out/x'),
  checkpoint: () => loadCheckpoint('run/checkpoint.safetensors'),
  handle: async () => writeAdapter((await folderNamed('adapter')) as never, await tuned.adapted()),
  cpu: async () => (await openSession({ graph: (await tuned.adapted()).graph }, 'cpu')).release(),
  cuda: async () => openSession({ graph: (await tuned.adapted()).graph }, 'cuda'),
}

const folderNamed = async (name: string): Promise<FileSystemDirectoryHandle> =>
  (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true })

const start = async (): Promise<void> => {
  tuned = await fineTune(await base(), options)
}

const refusal = async (name: string): Promise<string> => {
  try {
    await calls[name]?.()
    return 'none'
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`
  }
}

/** Saves and exports to folders by their handles. @returns Whether the saved model answers as this one; its files. */
const saved = async (): Promise<{ same: boolean; exported: readonly string[] }> => {
  const [adapter, model] = [await folderNamed('saved'), await folderNamed('exported')]
  await tuned.save(adapter)
  await tuned.export(model)
  const again = await loadFineTuned(adapter, { base: await base() })
  const [before, after] = [await tuned.logits(['has it come']), await again.logits(['has it come'])]
  await again.release()
  return { same: before.join() === after.join(), exported: (await openFiles(model)).names() }
}

Object.assign(globalThis, { loaded: true, paths: { start, refusal, saved } })
