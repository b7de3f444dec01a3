// An adapter that training goes on from. Loaded where there is one.

import type { Source } from '@cola/data'
import type { Tensor } from '@cola/graph'
import { type Adapter, openAdapter } from '../adapter/files.ts'
import { loadAdapter } from '../adapter/load.ts'
import { bareName } from '../adapter/names.ts'
import { ConfigError } from '../errors.ts'
import type { AdaptedModel, HeadedModel } from '../inject/adapted-model.ts'
import type { AdapterConfig } from '../inject/config.ts'
import { isSameHead } from '../inject/head.ts'
import { forTask } from '../inject/saved.ts'
import { withAdapter } from '../inject/with-adapter.ts'
import { peftPrefix } from '../methods/target.ts'
import type { TaskType } from '../tasks/task.ts'

/** Options of fineTune. */
interface AdapterOptions {
  lora?: AdapterConfig
  task: TaskType
  seed: number
}

/**
 * A task's model with an adapter that was trained before, as PEFT's `from_pretrained` with `is_trainable` gives it. The
 * head starts anew where the adapter has none for the same classes and pooling; a warning says so.
 * @throws {ConfigError | FormatError | FileError | HubError | AdapterError} as `openAdapter` and `loadAdapter` do, and
 * for a configuration beside the adapter's.
 */
export async function fromAdapter(
  model: HeadedModel,
  source: Source,
  { lora, task, seed }: AdapterOptions,
): Promise<AdaptedModel> {
  if (lora)
    throw new ConfigError({
      where: 'fineTune, option lora',
      what: 'the adapter that training goes on from has a configuration of its own',
      fix: 'Leave out lora, or adapter.',
    })
  const { head: trained, ...found } = await openAdapter(source)
  const adapter: Adapter = { ...found, config: forTask(found.config, task) }
  const { head } = model
  const isOfHead = (name: string) => [head, trained].some((one) => one && bareName(name).startsWith(`${one.name}.`))
  const [own, others] = [new Map<string, Tensor>(), new Map<string, Tensor>()]
  for (const [name, value] of adapter.tensors) (isOfHead(name) ? own : others).set(name, value)
  const { graph, trainable } = withAdapter(model, adapter.config, { seed })
  const fresh = [...trainable].filter(isOfHead).map((name) => [name, graph.initializers.get(name) as Tensor] as const)
  const shapes = new Map([...own].map(([name, { dims }]) => [bareName(name), dims.join()]))
  const isFitting = own.size === fresh.length && fresh.every(([name, { dims }]) => shapes.get(name) === dims.join())
  if (isFitting && isSameHead(head, trained)) return loadAdapter(model, adapter)
  const tensors = new Map([...others, ...fresh.map(([name, value]) => [peftPrefix + name, value] as const)])
  const loaded = loadAdapter(model, { ...adapter, tensors })
  const change = head
    ? `the head "${head.name}" starts anew: the adapter has none for these classes`
    : `the adapter's head "${trained?.name}" is left out: the model has none`
  return { ...loaded, warnings: [...loaded.warnings, change] }
}
