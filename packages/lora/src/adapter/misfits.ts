// What to say of an adapter that does not fit its model: which tensors, what the model has, and what to write instead.

import type { Tensor } from '@cola/graph'
import type { AdapterError } from '../errors.ts'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import { moduleOf } from '../inject/linear.ts'
import { adaptedModule, methodOf } from '../methods/methods.ts'
import { peftPrefix } from '../methods/target.ts'

type Problem = ConstructorParameters<typeof AdapterError>[0]
type Entry = { file: string; value: Tensor }
type PlacedEntry = Entry & { parameter: string }

/** Modules that hold nothing but a head: `score`, `classifier.dense`. */
const headModule = /^(score|classifier|pre_classifier|lm_head|qa_outputs|[^.]+$)/

const moduleIn = (name: string): string => moduleOf(name.replace(peftPrefix, ''))
const isHead = (name: string): boolean => adaptedModule(name) === undefined && headModule.test(moduleIn(name))
const moduleNear = (name: string): string =>
  (adaptedModule(name) ?? moduleOf(name)).replace(peftPrefix, '').replace(/\.base_layer$/, '')
const shape = ({ dims }: Tensor): string => `[${dims.join(', ')}]`
const listed = (entries: readonly Entry[]): string =>
  entries.map(({ file, value }) => `${file} ${shape(value)}`).join(', ')

/**
 * Tensors that the model has no parameter for: a head of another name or of none, else an adapter for another model.
 */
export function lostTensors(model: AdaptedModel, lost: readonly Entry[], missing: readonly string[]): Problem {
  const where = `adapter, ${lost.length} ${lost.length === 1 ? 'tensor' : 'tensors'}`
  const weight = lost.find(({ file, value }) => isHead(file) && file.endsWith('.weight') && value.dims.length === 2)
  if (weight && lost.every(({ file }) => isHead(file))) {
    const name = moduleIn(weight.file)
    const own = missing.find((parameter) => isHead(parameter) && parameter.endsWith('.weight'))
    const bias = lost.some(({ file }) => file.endsWith('.bias')) ? ', bias: true' : ''
    return {
      where,
      what: own
        ? `the adapter's head is called "${name}" and the model's "${moduleOf(own)}"`
        : 'the adapter has a head and the model has none of that name',
      found: listed(lost),
      fix: `Write withHead(model, { name: '${name}', num_labels: ${weight.value.dims[0]}${bias}, pooling: ... }) with the pooling that it was trained with.`,
    }
  }
  const modules = [...new Set([...model.base.initializers.keys()].filter((name) => name.includes('.')).map(moduleOf))]
  const near = [...new Set(lost.map(({ file }) => closest(moduleNear(file), modules)))].filter(Boolean)
  return {
    where,
    what: 'the model has no such parameter',
    ...(near.length ? { expected: `modules such as ${near.join(', ')}` } : {}),
    found: listed(lost),
    fix: 'Is it an adapter for another model, or for one that was exported without these modules?',
  }
}

/** The module whose name ends as another does, over as many parts as any. */
function closest(module: string, modules: readonly string[]): string | undefined {
  const wanted = module.split('.').reverse()
  const common = (name: string): number => {
    const parts = name.split('.').reverse()
    const differing = wanted.findIndex((part, i) => part !== parts[i])
    return differing < 0 ? wanted.length : differing
  }
  const best = modules.reduce<[string | undefined, number]>(
    (found, name) => (common(name) > found[1] ? [name, common(name)] : found),
    [undefined, 0],
  )
  return best[0]
}

/**
 * Tensors of another shape than the model has: a head of other classes, a vocabulary that was resized, else another
 * model.
 */
export function otherShapes({ graph, omitted }: AdaptedModel, misshaped: readonly PlacedEntry[]): Problem {
  const own = ({ parameter }: PlacedEntry): Tensor => graph.initializers.get(parameter) as Tensor
  const [first] = misshaped as [PlacedEntry]
  const head = misshaped.find(
    (one) => isHead(one.file) && one.value.dims.length === 2 && one.value.dims[1] === own(one).dims[1],
  )
  const vocabulary = misshaped.find(
    (one) =>
      adaptedModule(one.file) === undefined && one.value.dims.length === 2 && one.value.dims[1] === own(one).dims[1],
  )
  const fix = head
    ? `The adapter's head has ${head.value.dims[0]} classes, the model's ${own(head).dims[0]}: write withHead(model, { num_labels: ${head.value.dims[0]}, ... }).`
    : vocabulary
      ? `"${omitted}${moduleIn(vocabulary.file)}" had ${vocabulary.value.dims[0]} rows in training: resize the base's token embeddings in Python and export it again.`
      : 'Is it an adapter for another model?'
  return {
    where: `adapter tensor "${first.file}"`,
    what: 'its shape does not fit the model',
    expected: shape(own(first)),
    found: misshaped.length === 1 ? shape(first.value) : `${shape(first.value)}; others: ${listed(misshaped.slice(1))}`,
    fix,
  }
}

/** Parameters that the file lacks: the head, what the targets share, or those of another model. */
export function missingParameters({ config }: AdaptedModel, missing: readonly string[]): Problem {
  const { names: shared, fix } = methodOf(config).shared
  const files = missing.map((name) => shared.get(name) ?? name)
  return {
    where: files.length === 1 ? `parameter "${files[0]}"` : `parameters ${files.map((name) => `"${name}"`).join(', ')}`,
    what: 'missing from the adapter',
    fix: missing.every((name) => shared.has(name))
      ? fix
      : missing.every(isHead)
        ? 'The adapter was saved without its head; its classifications would be random.'
        : 'Is it an adapter for another model?',
  }
}
