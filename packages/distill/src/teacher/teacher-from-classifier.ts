// A classifier as a teacher.

import { requireKind } from '@cola/graph/door'
import type { Label, Tokenizer } from '@cola/data'
import { ConfigError } from '@cola/train'
import type { Teacher, TextStates } from './teacher.ts'

/**
 * A classifier of texts: what `loadClassifier` of @cola/train, `fineTune` and `loadFineTuned` of @cola/lora, and
 * `distill` give.
 */
export interface TextClassifier {
  readonly labels: readonly Label[]
  /** Logits [texts, classes] of texts, row by row. */
  readonly logits: (texts: readonly string[]) => Promise<Float32Array>
  /** Hidden states of every token: those of @cola/lora have it. */
  readonly hiddenStates?: (texts: readonly string[]) => Promise<readonly TextStates[]>
  /** A string that changes with the weights, which cached logits are kept under. */
  readonly fingerprint: () => string | Promise<string>
  readonly tokenizer: Tokenizer
  /** Classes of texts. */
  readonly classify: (texts: readonly string[]) => Promise<unknown>
  /** Contents of config.json, or settings of the task, of which `problem_type` is read. */
  readonly config?: object | undefined
  readonly settings?: object | undefined
}

/** What a teacher needs of a classifier. */
export type LogitsOfTexts = Pick<TextClassifier, 'logits' | 'fingerprint'> & Partial<TextClassifier>

/**
 * A classifier as a teacher.
 * @throws {ConfigError} for a model of several labels a text, or of a regression.
 */
export function teacherFromClassifier(classifier: LogitsOfTexts): Teacher {
  requireKind('teacherFromClassifier, classifier', classifier, 'object')
  const { labels, tokenizer, fingerprint, hiddenStates } = classifier
  const found = problemTypeOf(classifier)
  if (found !== undefined && found !== 'single_label_classification')
    throw new ConfigError({
      where: 'option teacher',
      what: 'it does not tell classes apart, one for each text',
      expected: 'problem_type single_label_classification',
      found: String(found),
    })
  return {
    logits: ({ texts }) => classifier.logits(texts),
    fingerprint,
    ...(labels ? { labels } : {}),
    ...(tokenizer ? { tokenizer } : {}),
    ...(hiddenStates ? { hiddenStates } : {}),
  }
}

/** transformers' `problem_type`, where it is known. */
const problemTypeOf = ({ config, settings }: LogitsOfTexts): unknown =>
  (({ ...config, ...settings }) as { problem_type?: unknown }).problem_type ?? undefined
