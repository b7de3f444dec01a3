// An adapter's tensors at their places in a model: every tensor of the file finds its place, every place its tensor, or an error says which do not.

import { asFloat32, cloneGraph, type Tensor, toFloat32 } from '@cola/graph'
import { AdapterError } from '../errors.ts'
import { checkHead } from '../inject/head.ts'
import { peftPrefix } from '../inject/layer.ts'
import { moduleOf } from '../inject/linear.ts'
import { type HeadedModel, inject, type LoraModel } from '../inject/lora.ts'
import type { Adapter } from './files.ts'
import { fileNames, omittedIn, type Place, placesIn } from './names.ts'

/**
 * Puts an adapter into a base model; an adapter that PEFT trained on the bare model (AutoModel) fits too, and is written back as it was.
 * @throws {AdapterError} naming the tensors: the adapter belongs to another model, its head is missing, called otherwise or of other classes.
 */
export function loadAdapter(model: HeadedModel, adapter: Adapter): LoraModel {
  checkHead(model.head, adapter.head)
  const config = { ...adapter.config, init_lora_weights: startOf(adapter) }
  const injected = inject(model, config, { omitted: omittedIn(adapter.tensors.keys(), model.graph) })
  const placed = placedTensors(injected, adapter)
  const names = fileNames(injected)
  const usual = new Set([...injected.trainable].flatMap(names))
  const [graph, base] = [cloneGraph(injected.graph), cloneGraph(injected.base)]
  for (const { parameter, original, value } of placed) {
    if (!original) graph.initializers.set(parameter, value)
    if (original || !injected.trainable.has(parameter)) base.initializers.set(parameter, value)
  }
  return {
    ...injected,
    graph,
    base,
    config: { ...injected.config, init_lora_weights: adapter.config.init_lora_weights },
    held: new Map(placed.filter(({ file }) => !usual.has(file)).map(({ file, parameter }) => [file, parameter])),
    ...(adapter.head ? { head: { ...model.head, ...adapter.head } } : {}),
  }
}

/** What changes the base matrices when an adapter starts; PEFT does it anew when it loads one. */
const changing: Readonly<Record<string, 'again' | 'refuse'>> = { pissa: 'again', olora: 'again', corda: 'refuse', loftq: 'refuse', lora_ga: 'refuse' }

/** How the base is to be changed before the file's values are put in. */
function startOf({ config: { init_lora_weights: init } }: Adapter): boolean | string {
  const [kind, what] = Object.entries(changing).find(([name]) => typeof init === 'string' && init.startsWith(name)) ?? []
  if (kind === undefined) return true
  if (what === 'refuse')
    throw new AdapterError({
      where: 'adapter_config.json, field "init_lora_weights"',
      what: `${init} changes the base matrices in a way that the file does not hold`,
      fix: "Save it as a plain adapter with PEFT: model.save_pretrained(folder, path_initial_model_for_weight_conversion='...').",
    })
  return init
}

interface Placed extends Place {
  file: string
  value: Tensor
}

/** Each tensor with its place, in float32 as the model is. */
function placedTensors(model: LoraModel, { tensors }: Adapter): Placed[] {
  const placeOf = placesIn(model)
  const entries = [...tensors].map(([file, value]) => ({ file, value, place: placeOf(file) }))
  const lost = entries.filter(({ place }) => place === undefined)
  const held = new Set(entries.map(({ place }) => place?.parameter))
  const missing = [...model.trainable].filter((name) => !held.has(name))
  if (lost.length > 0) throw new AdapterError(lostTensors(model, lost, missing))
  const placed = entries.map(({ file, value, place }) => ({ file, value, ...(place as Place) }))
  const misshaped = placed.filter(({ parameter, value }) => model.graph.initializers.get(parameter)?.dims.join() !== value.dims.join())
  if (misshaped.length > 0) throw new AdapterError(otherShapes(model, misshaped))
  if (missing.length > 0) throw new AdapterError(missingParameters(missing))
  refuseTwoValues(placed)
  return placed.map((one) => ({ ...one, value: asFloat32(one.value) }))
}

function refuseTwoValues(placed: readonly Placed[]): void {
  const seen = new Map<string, Placed>()
  for (const one of placed) {
    const key = `${one.original} ${one.parameter}`
    const first = seen.get(key)
    if (first && !sameValues(first.value, one.value))
      throw new AdapterError({
        where: `adapter tensor "${one.file}"`,
        what: `another value than "${first.file}" has, which is the same parameter`,
        fix: 'They shared a matrix when they were saved: export the base with tie_word_embeddings as it was in training.',
      })
    seen.set(key, one)
  }
}

/** Whether two tensors hold the same numbers. */
export function sameValues(a: Tensor, b: Tensor): boolean {
  const [x, y] = [toFloat32(a), toFloat32(b)]
  return x.length === y.length && x.every((value, i) => value === y[i])
}

type Problem = ConstructorParameters<typeof AdapterError>[0]
type Entry = { file: string; value: Tensor }

/** Modules that hold nothing but a head: `score`, `classifier.dense`. */
const headModule = /^(score|classifier|pre_classifier|lm_head|qa_outputs|[^.]+$)/

const moduleIn = (name: string): string => moduleOf(name.replace(peftPrefix, ''))
const isHead = (name: string): boolean => !name.includes('.lora_') && headModule.test(moduleIn(name))
const shape = ({ dims }: Tensor): string => `[${dims.join(', ')}]`
const listed = (entries: readonly Entry[]): string => entries.map(({ file, value }) => `${file} ${shape(value)}`).join(', ')

/** Tensors that the model has no parameter for: a head of another name or of none, else an adapter for another model. */
function lostTensors(model: LoraModel, lost: readonly Entry[], missing: readonly string[]): Problem {
  const where = `adapter, ${lost.length} ${lost.length === 1 ? 'tensor' : 'tensors'}`
  const weight = lost.find(({ file, value }) => isHead(file) && file.endsWith('.weight') && value.dims.length === 2)
  if (weight && lost.every(({ file }) => isHead(file))) {
    const name = moduleIn(weight.file)
    const own = missing.find((parameter) => isHead(parameter) && parameter.endsWith('.weight'))
    const bias = lost.some(({ file }) => file.endsWith('.bias')) ? ', bias: true' : ''
    return {
      where,
      what: own ? `the adapter's head is called "${name}" and the model's "${moduleOf(own)}"` : 'the adapter has a head and the model has none of that name',
      found: listed(lost),
      fix: `Write withHead(model, { name: '${name}', num_labels: ${weight.value.dims[0]}${bias}, pooling: ... }) with the pooling that it was trained with.`,
    }
  }
  const modules = [...new Set([...model.base.initializers.keys()].filter((name) => name.includes('.')).map(moduleOf))]
  const near = [...new Set(lost.map(({ file }) => closest(moduleIn(file).replace(/\.(lora_A|lora_B|base_layer)$/, ''), modules)))].filter(Boolean)
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
  const best = modules.reduce<[string | undefined, number]>((found, name) => (common(name) > found[1] ? [name, common(name)] : found), [undefined, 0])
  return best[0]
}

/** Tensors of another shape than the model has: a head of other classes, a vocabulary that was resized, else another model. */
function otherShapes({ graph, omitted }: LoraModel, misshaped: readonly Placed[]): Problem {
  const own = ({ parameter }: Placed): Tensor => graph.initializers.get(parameter) as Tensor
  const [first] = misshaped as [Placed]
  const head = misshaped.find((one) => isHead(one.file) && one.value.dims.length === 2 && one.value.dims[1] === own(one).dims[1])
  const vocabulary = misshaped.find((one) => !one.file.includes('.lora_') && one.value.dims.length === 2 && one.value.dims[1] === own(one).dims[1])
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

function missingParameters(missing: readonly string[]): Problem {
  const head = missing.every((name) => isHead(name))
  return {
    where: missing.length === 1 ? `parameter "${missing[0]}"` : `parameters ${missing.map((name) => `"${name}"`).join(', ')}`,
    what: 'missing from the adapter',
    fix: head ? 'The adapter was saved without its head; its classifications would be random.' : 'Is it an adapter for another model?',
  }
}
