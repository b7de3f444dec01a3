// Checks the fields of training artifacts that are stored as JSON.

import { FormatError, type Tensor } from '@cola/graph'
import { type Check, flag, object, text } from '@cola/graph/options'
import type { Block } from './blocks.ts'
import type { TrainingArtifacts } from './training-artifacts.ts'

type Description = Omit<TrainingArtifacts, 'trainingModel' | 'evalModel' | 'optimizerModel' | 'parameters'>

const arrayOf = ([expected, holds]: Check): Check => [
  `an array, each ${expected}`,
  (value) => Array.isArray(value) && value.every(holds),
]
const having = (fields: Readonly<Record<string, Check>>): Check => [
  `an object with ${Object.keys(fields).join(', ')}`,
  (value) =>
    object[1](value) &&
    Object.entries(fields).every(([name, [, holds]]) => holds((value as Record<string, unknown>)[name])),
]
const number: Check = ['a number', (value) => typeof value === 'number']
const term: Check = [
  'what a term of a loss is a mean over',
  (value) => having({ labels: text, classes: number })[1](value) || having({ symbols: object })[1](value),
]

const checks: { readonly [Name in keyof Required<Description>]: Check } = {
  blocks: arrayOf(having({ name: text, dims: arrayOf(number), parts: arrayOf(having({ name: text })) })),
  stateSlots: arrayOf(text),
  dropoutMasks: arrayOf(having({ input: text, p: number })),
  biasCorrections: arrayOf(having({ input: text, beta: number, power: number })),
  lossTerms: arrayOf(term),
  evalLossTerms: arrayOf(term),
  gradientCheckpointing: flag,
  optimizer: having({ name: text, options: object }),
}

/** Fields that artifacts of earlier versions lack. */
const optional: readonly string[] = ['biasCorrections', 'gradientCheckpointing']

/**
 * The parsed description of artifacts.
 * @throws {FormatError} naming the field that is missing or not what it should be.
 */
export function parseDescription(json: string, parameters: ReadonlyMap<string, Tensor>, where: string): Description {
  const description = parseJson(json, where) as Readonly<Record<string, unknown>>
  for (const [name, [expected, holds]] of Object.entries({ '': object, ...checks })) {
    const value = name === '' ? description : description[name]
    if (holds(value) || (value === undefined && optional.includes(name))) continue
    throw new FormatError({
      where: `${where}, metadata "artifacts"${name && `, field "${name}"`}`,
      what: value === undefined ? 'missing' : 'not a valid value',
      expected,
      found: (JSON.stringify(value) ?? 'nothing').slice(0, 60),
    })
  }
  requireParameters(description.blocks as readonly Block[], parameters, where)
  return description as unknown as Description
}

/** Each parameter is a part of one block, and each part a parameter. */
function requireParameters(blocks: readonly Block[], parameters: ReadonlyMap<string, Tensor>, where: string): void {
  const parts = blocks.flatMap((block) => block.parts.map(({ name }) => name))
  const held = new Set(parts)
  const wrong =
    parts.find((name) => !parameters.has(name)) ??
    [...parameters.keys()].find((name) => !held.has(name)) ??
    (held.size < parts.length ? 'a tensor twice' : undefined)
  if (wrong !== undefined)
    throw new FormatError({
      where: `${where}, metadata "artifacts", field "blocks"`,
      what: 'its parts are not the tensors of the file',
      expected: `each of the ${parameters.size} tensors once`,
      found: `"${wrong}"`,
    })
}

function parseJson(json: string, where: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new FormatError(
      { where: `${where}, metadata "artifacts"`, what: 'not JSON', found: (cause as Error).message },
      { cause },
    )
  }
}
