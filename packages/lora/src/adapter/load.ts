// An adapter's tensors at their places in a model: every tensor of the file finds its place, every place its tensor, or
// an error says which do not.

import { asFloat32, cloneGraph, type Tensor, toFloat32 } from '@cola/graph'
import { AdapterError } from '../errors.ts'
import { checkHead } from '../inject/head.ts'
import { type HeadedModel, inject, type LoraModel } from '../inject/lora.ts'
import type { Adapter } from './files.ts'
import { lostTensors, missingParameters, otherShapes } from './misfits.ts'
import { fileNames, omittedIn, type Place, placesIn } from './names.ts'

/**
 * Puts an adapter into a base model; an adapter that PEFT trained on the bare model (AutoModel) fits too, and is
 * written back as it was.
 * @throws {AdapterError} naming the tensors: the adapter belongs to another model, its head is missing, called
 * otherwise or of other classes.
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
const changing: Readonly<Record<string, 'again' | 'refuse'>> = {
  pissa: 'again',
  olora: 'again',
  corda: 'refuse',
  loftq: 'refuse',
  lora_ga: 'refuse',
}

/** How the base is to be changed before the file's values are put in. */
function startOf({ config: { init_lora_weights: init } }: Adapter): boolean | string {
  const [kind, what] =
    Object.entries(changing).find(([name]) => typeof init === 'string' && init.startsWith(name)) ?? []
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
  const misshaped = placed.filter(
    ({ parameter, value }) => model.graph.initializers.get(parameter)?.dims.join() !== value.dims.join(),
  )
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
        fix: [first, one].some(({ file }) => file.includes('.modules_to_save.'))
          ? 'modules_to_save named a module and one in it, which PEFT cannot load either: name one of the two, and train again.'
          : 'They were two matrices when they were saved: export the base with tie_word_embeddings as it was in training.',
      })
    seen.set(key, one)
  }
}

/** Whether two tensors hold the same numbers. */
export function sameValues(a: Tensor, b: Tensor): boolean {
  const [x, y] = [toFloat32(a), toFloat32(b)]
  return x.length === y.length && x.every((value, i) => value === y[i])
}
