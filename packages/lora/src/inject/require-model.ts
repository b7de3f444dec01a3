// Checks that a function is given a model, before anything is read of it.

import { isGraph } from '@cola/graph/door'
import type { Model } from '@cola/graph'
import { type Check, checkValue } from '@cola/graph/options'

const hasGraph = (value: unknown): boolean => isGraph((value as Model | null | undefined)?.graph)
const hasAdapter = (value: unknown): boolean =>
  hasGraph(value) && Array.isArray((value as { targets?: unknown }).targets)

/** What functions take. */
const kinds = {
  model: ['a model: openOnnxModel(...).model, gpt2(...), or languageModel() of what openBase gives', hasGraph],
  adapted: [
    'a model with an adapter, which lora, withAdapter or loadAdapter gives',
    hasAdapter,
    (value) => ((value as { adapted?: unknown } | null)?.adapted ? 'Write await tuned.adapted().' : undefined),
  ],
  switchable: [
    'a model with adapters as inputs, which switchable gives',
    (value) => typeof (value as { feeds?: unknown } | null | undefined)?.feeds === 'function',
  ],
  merged: [
    'a merged model, which merge gives',
    (value) => hasGraph(value) && hasAdapter((value as { adapter?: unknown }).adapter),
  ],
} satisfies Record<string, Check>

/** @throws {ConfigError} for what is no model of the kind. */
export const requireModel = (where: string, model: unknown, kind: keyof typeof kinds = 'model'): void =>
  checkValue(`${where}, model`, model, kinds[kind])
