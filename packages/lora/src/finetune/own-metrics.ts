// Scores of one's own beside those of a task: the option compute_metrics. Loaded where it is given.

import type { Metrics } from '@cola/train'
import { object, show } from '@cola/graph/options'
import { ConfigError } from '../errors.ts'
import type { Task, TaskType, TaskTypes } from '../tasks/task.ts'
import type { ComputeMetrics } from './options.ts'

const option = 'option compute_metrics'

/**
 * A task whose scores have those of one's own, in place of those of the same name.
 * @throws {ConfigError} where the function gives something else than numbers by name, or fails (what it throws is the
 * cause), when the scores are asked for.
 */
export function withOwnMetrics<T extends TaskType>(
  task: Task<TaskTypes[T]>,
  compute: ComputeMetrics<T>,
): Task<TaskTypes[T]> {
  const rowOf = new WeakMap<object, TaskTypes[T]['row']>()
  return {
    ...task,
    encode: (rows, ...rest) => {
      const encoded = task.encode(rows, ...rest)
      for (const [i, example] of encoded.examples.entries()) rowOf.set(example, rows[i] as TaskTypes[T]['row'])
      return encoded
    },
    scores: async (predictions, examples, settings, context) => {
      const metrics = await task.scores(predictions, examples, settings, context)
      const rows = examples.map((example) => rowOf.get(example) as TaskTypes[T]['row'])
      const given = computed(() => compute({ predictions, rows, examples, metrics, ...context }))
      return { ...metrics, ...requireMetrics(await given) }
    },
  }
}

async function computed(compute: () => Metrics | Promise<Metrics>): Promise<Metrics> {
  try {
    return await compute()
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError({ where: option, what: 'it fails', found: (cause as Error).message }, { cause })
  }
}

function requireMetrics(given: Metrics): Metrics {
  if (object[1](given) && Object.values(given).every((value) => typeof value === 'number')) return given
  throw new ConfigError({
    where: option,
    what: 'it gives no metrics',
    expected: 'an object of numbers by their names, or a promise of one',
    found: object[1](given) ? JSON.stringify(given).slice(0, 60) : show(given),
  })
}
