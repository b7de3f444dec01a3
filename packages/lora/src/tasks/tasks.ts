// The tasks, a row each, under PEFT's task_type.

import { ConfigError } from '../errors.ts'
import { causalLanguageModel } from './causal-language-model.ts'
import { sentenceEmbedding } from './sentence-embedding.ts'
import { sequenceClassification } from './sequence-classification.ts'
import { tokenClassification } from './token-classification.ts'
import type { Task, TaskType, TaskTypes } from './task.ts'

const tasks: { readonly [T in TaskType]: Task<TaskTypes[T]> } = {
  SEQ_CLS: sequenceClassification,
  FEATURE_EXTRACTION: sentenceEmbedding,
  TOKEN_CLS: tokenClassification,
  CAUSAL_LM: causalLanguageModel,
}

/** The task of a `task_type`. @throws {ConfigError} for one that is not in the table. */
export function taskOf<T extends TaskType>(name: T): Task<TaskTypes[T]> {
  if (Object.hasOwn(tasks, name)) return tasks[name]
  throw new ConfigError({
    where: 'option task',
    what: 'not known',
    expected: Object.keys(tasks).join(', '),
    found: String(name),
  })
}
