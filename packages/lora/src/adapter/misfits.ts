// Error messages for an adapter that does not fit its model: the tensors, the model's parameters, and the fix.

import type { Tensor } from '@cola/graph'
import type { AdapterError } from '../errors.ts'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import { moduleOf } from '../inject/linear.ts'
import { askedBase } from '../inject/asked-base.ts'
import { adaptedModule, methodOf } from '../methods/methods.ts'
import { peftPrefix } from '../methods/target.ts'

type Problem = ConstructorParameters<typeof AdapterError>[0]
type Entry = { file: string; value: Tensor }
type PlacedEntry = Entry & { parameter: string }

/** Modules of heads: `score`, `classifier.dense`. */
const headModule = /^(score|classifier|pre_classifier|lm_head|qa_outputs|[^.]+$)/

const moduleIn = (name: string): string => moduleOf(name.replace(peftPrefix, ''))
const isHead = (name: string): boolean => adaptedModule(name) === undefined && headModule.test(moduleIn(name))
const adaptedOrParent = (name: string): string =>
  (adaptedModule(name) ?? moduleOf(name)).replace(peftPrefix, '').replace(/\.base_layer$/, '')
const shape = ({ dims }: Tensor): string => `[${dims.join(', ')}]`
const listed = (entries: readonly Entry[]): string =>
  entries.map(({ file, value }) => `${file} ${shape(value)}`).join(', ')

/**
 * The problem of tensors without a parameter in the model: the head has another name or is missing, or the adapter
 * belongs to another model.
 */
export function unplacedTensors(model: AdaptedModel, unplaced: readonly Entry[], missing: readonly string[]): Problem {
  const where = `adapter, ${unplaced.length} ${unplaced.length === 1 ? 'tensor' : 'tensors'}`
  const weight = unplaced.find(({ file, value }) => isHead(file) && file.endsWith('.weight') && value.dims.length === 2)
  if (weight && unplaced.every(({ file }) => isHead(file))) {
    const name = moduleIn(weight.file)
    const modelHead = missing.find((parameter) => isHead(parameter) && parameter.endsWith('.weight'))
    const weights = unplaced.filter(({ file, value }) => file.endsWith('.weight') && value.dims.length === 2)
    const bias = unplaced.some(({ file }) => file.endsWith('.bias')) ? ', bias: true' : ''
    return {
      where,
      what: modelHead
        ? `the adapter's head is called "${name}" and the model's "${moduleOf(modelHead)}"`
        : 'the adapter has a head and the model has none of that name',
      found: listed(unplaced),
      fix:
        weights.length > 1
          ? 'Write withHead(model, { ...transformersHead(config), num_labels: ... }).'
          : `Write withHead(model, { name: '${name}', num_labels: ${weight.value.dims[0]}${bias}, pooling: ... }) ` +
            'with the pooling that it was trained with.',
    }
  }
  const modules = [...new Set([...model.base.initializers.keys()].filter((name) => name.includes('.')).map(moduleOf))]
  const near = [...new Set(unplaced.map(({ file }) => closest(adaptedOrParent(file), modules)))].filter(Boolean)
  return {
    where,
    what: 'the model has no such parameter',
    ...(near.length ? { expected: `modules such as ${near.join(', ')}` } : {}),
    found: listed(unplaced),
    fix: `${askedBase(model.config)} Or was this model exported without these modules?`,
  }
}

/** The module whose name has the longest common ending with another, in parts. */
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
 * The problem of tensors whose shape differs from the model's: the head has other classes, the vocabulary was resized,
 * or the adapter belongs to another model.
 */
export function mismatchedShapes({ graph, omitted, config }: AdaptedModel, misshaped: readonly PlacedEntry[]): Problem {
  const modelTensor = ({ parameter }: PlacedEntry): Tensor => graph.initializers.get(parameter) as Tensor
  const [first] = misshaped as [PlacedEntry]
  const head = misshaped.find(
    (entry) =>
      isHead(entry.file) && entry.value.dims.length === 2 && entry.value.dims[1] === modelTensor(entry).dims[1],
  )
  const vocabulary = misshaped.find(
    (entry) =>
      adaptedModule(entry.file) === undefined &&
      entry.value.dims.length === 2 &&
      entry.value.dims[1] === modelTensor(entry).dims[1],
  )
  const fix = head
    ? `The adapter's head has ${head.value.dims[0]} classes, the model's ${modelTensor(head).dims[0]}: ` +
      `write withHead(model, { num_labels: ${head.value.dims[0]}, ... }).`
    : vocabulary
      ? `"${omitted}${moduleIn(vocabulary.file)}" had ${vocabulary.value.dims[0]} rows in training: ` +
        "resize the base's token embeddings in Python and export it again."
      : askedBase(config)
  return {
    where: `adapter tensor "${first.file}"`,
    what: 'its shape does not fit the model',
    expected: shape(modelTensor(first)),
    found: misshaped.length === 1 ? shape(first.value) : `${shape(first.value)}; others: ${listed(misshaped.slice(1))}`,
    fix,
  }
}

/** The problem of parameters that the file lacks: the head, a matrix that the targets share, or another model's. */
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
        : askedBase(config),
  }
}
