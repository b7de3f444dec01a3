// Learning-rate schedules: a factor of the peak rate for each optimizer step, as in transformers'
// get_*_schedule_with_warmup.

import { checkOptions, checkValue, oneOf, whole } from '@cola/graph/options'

/** Names of learning-rate schedules: transformers' `lr_scheduler_type`. */
export type ScheduleName = 'constant' | 'linear' | 'cosine'

/** Factor of the learning rate at an optimizer step counted from 0. */
export type Schedule = (step: number) => number

/** Options of a learning-rate schedule. */
export interface ScheduleOptions {
  /** Number of optimizer steps of the run. */
  total_steps: number
  /** Steps of linear warm-up, of which the first has factor 0. @default 0 */
  warmup_steps?: number
}

const decays: Record<ScheduleName, (progress: number) => number> = {
  constant: () => 1,
  linear: (progress) => 1 - progress,
  cosine: (progress) => 0.5 * (1 + Math.cos(Math.PI * progress)),
}

/** Names of the schedules. */
export const scheduleNames = Object.keys(decays) as ScheduleName[]

/**
 * The schedule with this name.
 * @throws {ConfigError} for an unknown name, or steps that are not whole numbers of at least 0.
 */
export function schedule(name: ScheduleName, options: ScheduleOptions): Schedule {
  checkValue('schedule, name', name, oneOf(scheduleNames))
  checkOptions('schedule', options, { total_steps: whole(0), warmup_steps: whole(0) })
  const { total_steps, warmup_steps = 0 } = options
  return (step) => {
    if (step < warmup_steps) return step / Math.max(1, warmup_steps)
    return decays[name](Math.min(1, (step - warmup_steps) / Math.max(1, total_steps - warmup_steps)))
  }
}
