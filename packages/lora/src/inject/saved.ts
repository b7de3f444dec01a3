// Parameters of the base model that are trained in full beside an adapter: PEFT's `modules_to_save` and `bias`.
// peft/utils/other.py, _set_trainable.

import type { Graph } from '@cola/graph'
import type { AdapterConfigJson } from '../methods/method.ts'
import type { Target } from '../methods/target.ts'
import { moduleOf } from './linear.ts'
import { tiedHeads } from './tied.ts'

/**
 * The heads that PEFT saves for a task even if `modules_to_save` does not name them. A classifier without its trained
 * head predicts at random.
 */
const headsOf: Readonly<Record<string, readonly string[]>> = {
  SEQ_CLS: ['classifier', 'score'],
  TOKEN_CLS: ['classifier', 'score'],
  QUESTION_ANS: ['qa_outputs'],
}

export const taskHeads = (task_type: string | null | undefined): readonly string[] => headsOf[task_type ?? ''] ?? []

/** `modules_to_save` with the task's heads. */
export function withTaskHeads<Config extends Pick<AdapterConfigJson, 'task_type' | 'modules_to_save'>>(
  config: Config,
): Config {
  const heads = taskHeads(config.task_type)
  return heads.length > 0
    ? { ...config, modules_to_save: [...new Set([...(config.modules_to_save ?? []), ...heads])] }
    : config
}

/** The configuration for another task: `modules_to_save` without the heads of its own task. */
export function forTask<Config extends Pick<AdapterConfigJson, 'task_type' | 'modules_to_save'>>(
  config: Config,
  task_type: AdapterConfigJson['task_type'],
): Config {
  const heads = taskHeads(config.task_type)
  const others = config.modules_to_save?.filter((name) => !heads.includes(name))
  return { ...config, task_type, ...(others ? { modules_to_save: others } : {}) }
}

/**
 * Whether a module is saved: its name, or the name of a module that contains it, ends in one of the names
 * (`key.endswith`; not only at a dot).
 */
export function isSavedModule(names: readonly string[] | null | undefined, module: string): boolean {
  const parts = module.split('.')
  return (names ?? []).some((name) =>
    parts.some((_, i) =>
      parts
        .slice(0, i + 1)
        .join('.')
        .endsWith(name),
    ),
  )
}

/** Warnings for saved modules inside saved modules, which PEFT 0.21 saves twice and cannot load. */
export function nestedSaved(names: readonly string[] | null | undefined, modules: readonly string[]): string[] {
  const isNamed = (module: string): boolean => (names ?? []).some((name) => module.endsWith(name))
  const saverOf = (module: string): string | undefined =>
    modules.find((outer) => module.startsWith(`${outer}.`) && isNamed(outer))
  return modules
    .filter((module) => isNamed(module) && saverOf(module) !== undefined)
    .map(
      (module) =>
        `modules_to_save: "${module}" lies in "${saverOf(module)}", which is saved too; PEFT cannot load that`,
    )
}

/** Whether an initializer is a trainable parameter of the base model, not a constant of an operator. */
const isParameter = (name: string, dtype: string): boolean =>
  dtype === 'float32' && !name.startsWith('constant.') && name.includes('.')

/**
 * Parameters of the base model that are trained in full.
 * @param moduleName Maps a module of the graph to its name in the configuration.
 */
export function savedParameters(
  graph: Graph,
  targets: readonly Target[],
  { modules_to_save, bias }: AdapterConfigJson,
  moduleName: (module: string) => string,
): string[] {
  const biases = new Set(targets.map((layer) => layer.bias))
  const heads = new Map(tiedHeads(graph).map((head) => [head.weight, head.module]))
  const isSaved = (name: string): boolean =>
    [moduleOf(name), heads.get(name)].some(
      (module) => module !== undefined && isSavedModule(modules_to_save, moduleName(module)),
    ) ||
    (bias === 'all' && name.endsWith('.bias')) ||
    (bias?.endsWith('_only') === true && biases.has(name))
  return [...graph.initializers]
    .filter(([name, { dtype }]) => isParameter(name, dtype) && isSaved(name))
    .map(([name]) => name)
}
