// What is said of a task that is none. Loaded for that.

import { oneOf, show } from '@cola/graph/options'
import { ConfigError } from '../errors.ts'

/** What transformers calls the tasks: names of its pipelines, and of what its classes are for. */
const otherNames: Readonly<Record<string, string>> = {
  'sequence-classification': 'SEQ_CLS',
  'text-classification': 'SEQ_CLS',
  'sentiment-analysis': 'SEQ_CLS',
  classification: 'SEQ_CLS',
  'token-classification': 'TOKEN_CLS',
  ner: 'TOKEN_CLS',
  'feature-extraction': 'FEATURE_EXTRACTION',
  'sentence-similarity': 'FEATURE_EXTRACTION',
  'text-generation': 'CAUSAL_LM',
  'causal-lm': 'CAUSAL_LM',
}

/** @throws {ConfigError} with the task that was meant, where that is known. */
export function refuseTask(name: unknown, known: readonly string[]): never {
  const asked = typeof name === 'string' ? name : ''
  const theirs = asked.toLowerCase().replaceAll('_', '-')
  const meant = Object.hasOwn(otherNames, theirs) ? { [asked]: otherNames[theirs] as string } : {}
  const [expected, , fixOf] = oneOf(known, meant)
  throw new ConfigError({ where: 'option task', what: 'not known', expected, found: show(name), fix: fixOf?.(name) })
}
