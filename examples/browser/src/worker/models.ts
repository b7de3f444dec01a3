// Opens base models: the embedded one, one of the hub, or a folder that was picked.

import { type Files, memoryFiles, openFiles, type Progress } from '@cola/data'
import { elementCount } from '@cola/graph'
import { type BaseModel, openBase } from '@cola/lora'
import config from '../../../model/config.json?url'
import weights from '../../../model/model.safetensors?url'
import tokenizer from '../../../model/tokenizer.json?url'
import tokenizerConfig from '../../../model/tokenizer_config.json?url'
import type { ModelChoice, ModelSummary } from '../messages.ts'
import { fetched } from './fetched.ts'

export interface OpenModel {
  choice: ModelChoice
  /** A repository's or folder's name; it stands in adapters as PEFT's base_model_name_or_path. */
  name: string
  base: BaseModel
  summary: ModelSummary
  /** Tells it from every other model: adapters lie under it. Two folders may have one name. */
  key: string
  /** The files of a picked folder that it was opened from, and their digest. */
  picked?: { files: Files; digest: string } | undefined
}

export type OnFetch = (file: string, loaded: number, total: number | undefined) => void

const embedded = {
  'config.json': config,
  'tokenizer.json': tokenizer,
  'tokenizer_config.json': tokenizerConfig,
  'model.safetensors': weights,
}

/**
 * Opens a model.
 * @throws {HubError | DataError | ConfigError | FormatError} naming the file or address, and what is wrong with it.
 */
export async function openModel(choice: ModelChoice, onFetch: OnFetch): Promise<OpenModel> {
  const { name, source, picked } = await sourceOf(choice, onFetch)
  const onProgress = ({ file, loaded, total }: Progress) => onFetch(file, loaded, total)
  const base = await openBase(source, { onProgress })
  const digest = choice.kind === 'kept' ? choice.digest : picked && (await (await keeping()).digestOf(picked))
  const parameters = [...base.hiddenStates().graph.initializers.values()]
  return {
    choice,
    name,
    base,
    key: digest === undefined ? name : `${name}@${digest.slice(0, 16)}`,
    ...(picked && digest !== undefined ? { picked: { files: picked, digest } } : {}),
    summary: {
      name: choice.kind === 'embedded' ? 'The embedded model' : name,
      type: base.config.model_type,
      parameters: parameters.reduce((sum, { dims }) => sum + elementCount(dims), 0),
      max_length: base.max_length,
    },
  }
}

/** What only picked folders need. */
export const keeping = () => import('./kept-model.ts')

interface NamedSource {
  name: string
  source: string | Files
  picked?: Files
}

async function sourceOf(choice: ModelChoice, onFetch: OnFetch): Promise<NamedSource> {
  if (choice.kind === 'hub') return { name: choice.name, source: choice.name }
  if (choice.kind === 'folder') {
    const [first] = choice.files
    const name = first?.name.split('/')[0] || 'folder'
    const { recorded } = await keeping()
    const { files, asked } = recorded(await openFiles(choice.files, { files: [] }))
    return { name, source: files, picked: asked }
  }
  if (choice.kind === 'kept') return { name: choice.name, source: await (await keeping()).copiedModel(choice) }
  const files: Record<string, Uint8Array> = {}
  for (const [file, address] of Object.entries(embedded)) {
    const bytes = await fetched(file, address)
    onFetch(file, bytes.length, bytes.length)
    files[file] = bytes
  }
  return { name: 'embedded', source: memoryFiles(files, 'embedded') }
}
