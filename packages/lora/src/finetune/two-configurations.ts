// What is said of two options that contradict each other. Loaded for that.

import { show } from '@cola/graph/options'
import { ConfigError } from '../errors.ts'
import type { TaskType } from '../tasks/task.ts'
import { isTaskType } from '../tasks/tasks.ts'

export const twoConfigurations = (): ConfigError =>
  new ConfigError({
    where: 'fineTune, option lora',
    what: 'the adapter that training goes on from has a configuration of its own',
    fix: 'Leave out lora, or adapter.',
  })

/** The field task_type of an adapter's configuration, and the option task. */
export const twoTasks = (found: unknown, task: TaskType): ConfigError =>
  new ConfigError({
    where: 'fineTune, option lora, field "task_type"',
    what: 'it contradicts the task',
    expected: task,
    found: show(found),
    fix: isTaskType(found) ? `Write task: '${found}', or leave task_type out.` : 'Leave it out: the task says it.',
  })

/** The option quantization, and that of open. */
export const twoQuantizations = (where: string): ConfigError =>
  new ConfigError({ where: `${where}, option quantization`, what: 'open has one too', fix: 'Leave one of them out.' })
