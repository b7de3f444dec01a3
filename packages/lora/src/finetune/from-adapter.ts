// An adapter that training goes on from. Loaded where there is one.

import type { Source } from '@cola/data'
import { type Adapter, openAdapter } from '../adapter/files.ts'
import { loadAdapter } from '../adapter/load.ts'
import { bareName } from '../adapter/names.ts'
import type { AdaptedModel, HeadedModel } from '../inject/adapted-model.ts'
import { isSameHead } from '../inject/head.ts'
import { forTask } from '../inject/saved.ts'
import { peftPrefix } from '../methods/target.ts'
import type { TaskType } from '../tasks/task.ts'

/**
 * A task's model with an adapter that was trained before, as PEFT's `from_pretrained` with `is_trainable` gives it. The
 * head starts anew where the adapter has none for the same classes and pooling; a warning says so.
 * @throws {ConfigError | FormatError | FileError | HubError | AdapterError} as `openAdapter` and `loadAdapter` do: for
 * what the adapter trained beside its head and the model lacks, such as a pooler.
 */
export async function fromAdapter(model: HeadedModel, source: Source, task: TaskType): Promise<AdaptedModel> {
  const { head: trained, ...found } = await openAdapter(source)
  const adapter: Adapter = { ...found, config: forTask(found.config, task) }
  const { head } = model
  const isOfHead = (name: string) => [head, trained].some((one) => one && name.startsWith(`${one.name}.`))
  const fresh = [...model.graph.initializers].filter(([name]) => head && name.startsWith(`${head.name}.`))
  const others = [...adapter.tensors].filter(([name]) => !isOfHead(bareName(name)))
  const shapes = new Map([...adapter.tensors].map(([name, { dims }]) => [bareName(name), dims.join()]))
  const kept = [...shapes.keys()].filter(isOfHead)
  const isFitting = kept.length === fresh.length && fresh.every(([name, { dims }]) => shapes.get(name) === dims.join())
  if (isFitting && isSameHead(head, trained)) return loadAdapter(model, adapter)
  const tensors = new Map([...others, ...fresh.map(([name, value]) => [peftPrefix + name, value] as const)])
  const loaded = loadAdapter(model, { ...adapter, tensors })
  const change = head
    ? `the head "${head.name}" starts anew: the adapter has none for these classes`
    : `the adapter's head "${trained?.name}" is left out: the model has none`
  return { ...loaded, warnings: [...loaded.warnings, change] }
}
