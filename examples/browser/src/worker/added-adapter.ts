// An adapter that a person brings. Loaded when one is picked.

import { defaultLabels, type FileSink, openFiles } from '@cola/data'
import { AdapterError, type BaseModel } from '@cola/lora'
import { headName, type Kept } from './adapters.ts'

/** Copies picked files, a zip or a folder's, to a folder. */
export async function copyPicked(picked: readonly File[], to: FileSink): Promise<void> {
  const from = await openFiles(picked)
  const configuration = from.names().find((name) => name.split('/').at(-1) === 'adapter_config.json')
  const folder = configuration?.slice(0, -'adapter_config.json'.length) ?? ''
  for (const name of from.names()) if (name.startsWith(folder)) to.write(name.slice(folder.length), [from.read(name)])
}

/** An adapter with a name for each class. @throws {AdapterError} for one without a head, whose answers would be random. */
export function withLabels(kept: Kept, base: BaseModel): Kept {
  const { name, labels } = kept
  const { tensors } = kept.adapter
  const head = headName(base)
  const classes = [...tensors].find(([file]) => file.endsWith(`.${head}.weight`))?.[1].dims[0]
  if (classes === undefined)
    throw new AdapterError({
      where: name,
      what: 'the adapter has no classification head for this model',
      expected: `a tensor ${head}.weight`,
      found: [...tensors.keys()].slice(0, 3).join(', '),
      fix: 'Open the model that it was trained on, or save it with its head (task_type SEQ_CLS).',
    })
  return { ...kept, labels: defaultLabels(classes, labels) }
}
