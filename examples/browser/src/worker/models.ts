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
import { copiedModel, recorded } from './kept-model.ts'

export interface OpenModel {
  choice: ModelChoice
  /** A repository's or folder's name; it stands in adapters as PEFT's base_model_name_or_path. */
  name: string
  base: BaseModel
  summary: ModelSummary
  /** The files of a picked folder that it was opened from. */
  picked?: Files | undefined
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
  const parameters = [...base.hiddenStates().graph.initializers.values()]
  return {
    choice,
    name,
    base,
    picked,
    summary: {
      name: choice.kind === 'embedded' ? 'The embedded model' : name,
      type: base.config.model_type,
      parameters: parameters.reduce((sum, { dims }) => sum + elementCount(dims), 0),
      max_length: base.max_length,
    },
  }
}

interface NamedSource {
  name: string
  source: string | Files
  picked?: Files
}

async function sourceOf(choice: ModelChoice, onFetch: OnFetch): Promise<NamedSource> {
  if (choice.kind === 'hub') return { name: choice.name, source: choice.name }
  if (choice.kind === 'folder') {
    const [first] = choice.files
    const name = first?.webkitRelativePath.split('/')[0] || 'folder'
    const { files, asked } = recorded(await openFiles(choice.files, { files: [] }))
    return { name, source: files, picked: asked }
  }
  if (choice.kind === 'kept') return { name: choice.name, source: await copiedModel(choice.name) }
  const files: Record<string, Uint8Array> = {}
  for (const [file, address] of Object.entries(embedded)) {
    const bytes = await fetched(file, address)
    onFetch(file, bytes.length, bytes.length)
    files[file] = bytes
  }
  return { name: 'embedded', source: memoryFiles(files, 'embedded') }
}
