// What an adapter trained of the head of its own task, and a model with another head lacks.

import type { Adapter } from '../adapter/files.ts'
import { bareName } from '../adapter/names.ts'
import type { HeadedModel } from '../inject/adapted-model.ts'
import { partsOf } from '../inject/head.ts'
import { moduleOf } from '../inject/linear.ts'
import { taskHeads } from '../inject/saved.ts'
import type { BaseModel } from '../load/base-model.ts'
import { adaptedModule } from '../methods/methods.ts'
import { headChoice, isHeadTask } from './head-of-adapter.ts'

/** The head of an adapter's own task, as far as a model lacks it. */
export interface OtherHead {
  readonly name: string
  /** Names in the file. */
  readonly tensors: ReadonlySet<string>
}

/** Undefined where the model has all of it. */
export function otherHead(adapter: Adapter, { graph }: HeadedModel, base: BaseModel): OtherHead | undefined {
  const { task_type } = adapter.config
  if (!isHeadTask(task_type)) return undefined
  const { layers = [] } = headChoice(task_type, adapter, base).head ?? {}
  const modules = [...taskHeads(task_type), ...partsOf(layers).map(({ module }) => module)]
  const isIn = (file: string, module: string) => bareName(file).startsWith(`${module}.`)
  const lacking = [...adapter.tensors.keys()].filter(
    (file) => modules.some((module) => isIn(file, module)) && !graph.initializers.has(`${moduleIn(file)}.weight`),
  )
  const name = modules.find((module) => lacking.some((file) => isIn(file, module)))
  return name === undefined ? undefined : { name, tensors: new Set(lacking) }
}

/** The module of the model that a tensor of a file is of. */
const moduleIn = (file: string): string => bareName(adaptedModule(file) ?? '') || moduleOf(bareName(file))
