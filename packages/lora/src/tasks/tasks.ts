// The tasks, a row each, under PEFT's task_type. Each is loaded when it is asked for.

import type { Task, TaskType, TaskTypes } from './task.ts'

const tasks: { readonly [T in TaskType]: () => Promise<Task<TaskTypes[T]>> } = {
  SEQ_CLS: async () => (await import('./sequence-classification.ts')).sequenceClassification,
  FEATURE_EXTRACTION: async () => (await import('./sentence-embedding.ts')).sentenceEmbedding,
  TOKEN_CLS: async () => (await import('./token-classification.ts')).tokenClassification,
  CAUSAL_LM: async () => (await import('./causal-language-model.ts')).causalLanguageModel,
}

export const isTaskType = (name: unknown): name is TaskType => typeof name === 'string' && Object.hasOwn(tasks, name)

/** The task of a `task_type`. @throws {ConfigError} for one that is not in the table. */
export async function taskOf<T extends TaskType>(name: T): Promise<Task<TaskTypes[T]>> {
  if (isTaskType(name)) return tasks[name]()
  return (await import('./unknown-task.ts')).refuseTask(name, Object.keys(tasks))
}
