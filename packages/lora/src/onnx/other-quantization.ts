// The quantization of a base beside the one that an adapter was trained on.

import { defined } from '@cola/graph/options'
import { quantizationDefaults } from '../schema.ts'
import type { Quantization } from './quantization.ts'

/** Undefined, or null: none. */
type Given = Quantization | null | undefined

const complete = (quantization: Given): string =>
  JSON.stringify(quantization ? Object.values({ ...quantizationDefaults, ...defined(quantization) }) : null)

/** Whether two bases are quantized alike. */
export const isSameQuantization = (a: Given, b: Given): boolean => complete(a) === complete(b)

const shown = (quantization: Quantization): string =>
  JSON.stringify(defined({ bits: quantizationDefaults.bits, ...quantization }))
    .replaceAll(/"(\w+)":/g, ' $1: ')
    .replace(/}$/, ' }')

/**
 * What is told of an adapter whose base is opened in other bits than it had in training.
 * @param what Names the adapter.
 */
export function otherQuantization(what: string, trained: Given, opened: Given): string | undefined {
  if (isSameQuantization(trained, opened)) return undefined
  const before = trained ? `with quantization ${shown(trained)}` : 'without quantization'
  const now = opened ? shown(opened) : 'none'
  const same = `quantization${trained ? ` ${shown(trained)}` : ': null'}`
  return (
    `${what}: it was trained on a base ${before}, and this one has ${now}: answers differ; ` +
    `${same} opens it as in training`
  )
}
