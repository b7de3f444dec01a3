// Finds and opens a classifier's model in a folder of any exporter: its file, inputs, logits, labels, and a session.

import { defaultLabels, fetchFiles, type Files, type ModelConfig, placeOf } from '@cola/data'
import {
  externalLocations,
  foldLinear,
  getValue,
  type Graph,
  readModel,
  type ReadOptions,
  readOutline,
  ShapeError,
  simplify,
  UnsupportedOperatorError,
} from '@cola/graph'
import { ConfigError } from '../errors.ts'
import { type Device, deviceRow } from '../runtime/devices.ts'
import { besideOf, externalDataOf } from '../runtime/model-files.ts'
import type { RunnableModel } from '../runtime/open-session.ts'
import { openResolved } from '../runtime/resolve-device.ts'
import type { OrtSession } from '../runtime/ort.ts'
import { checkConfig } from '../config/check-config.ts'
import { roleOf } from '../session/input-roles.ts'

export interface ClassifierModel {
  /** Inputs, outputs and initializers. */
  graph: Graph
  session: OrtSession
  /** Name of the output with the logits. */
  output: string
  labels: readonly string[]
  /** Names of the ONNX file and its external data. */
  files: readonly string[]
}

/** File names of transformers.js and Optimum by precision, exact ones first. */
const names = ['', '_fp16', '_quantized', '_int8', '_uint8', '_q4', '_q4f16', '_bnb4', '_optimized'].map(
  (suffix) => `model${suffix}.onnx`,
)

/** Finds and opens the model. @throws as `loadClassifier`. */
export async function openClassifierModel(
  source: Files,
  config: ModelConfig,
  { device, file }: { device: Device; file?: string | undefined },
): Promise<ClassifierModel> {
  const name = await findFile(source, file)
  const path = placeOf(source, name)
  const bytes = source.read(name)
  const locations = externalLocations(bytes, path)
  const data = locations.map((location) => besideOf(name, location))
  await source.fetch?.(data.map((path) => ({ path })))
  const external = { where: path, externalData: externalDataOf(source, name) }
  const outline = readOutline(bytes, external)
  const float32 = needsFloat32(outline) ? readModel(bytes, { ...external, widen: true }) : undefined
  const graph = float32 ?? outline
  requireTextInputs(graph, path)
  checkConfig(outline, config, path)
  const output = logitsOf(graph, path)
  const shape = graph.values.get(output)?.shape
  const labels = labelsOf(config, shape?.at(-1), placeOf(source, 'config.json'))
  if (shape) requireClasses(labels, shape, source)
  // The external data of files without paths is read once, by the model that needs it.
  const encoded = () => ({
    model: bytes,
    externalData: locations.map((location, i) => ({ path: location, data: source.read(data[i] as string) })),
  })
  const asItIs = (): RunnableModel =>
    float32 ? { graph: float32 } : { graph, ...(source.path ? { path } : { encoded: encoded() }) }
  const { session } = await openResolved(device, (one) => {
    const rewritten = !float32 && deviceRow(one).int32Inputs ? forDevice(bytes, outline, external) : undefined
    return rewritten ? { graph: rewritten } : asItIs()
  })
  return { graph, output, labels, files: [name, ...data], session }
}

/** Operators that round what they multiply: their numbers are those of the file only in the file's own operators. */
const rounding = /^(QLinear|DynamicQuantize|QuantizeLinear|QAttention|QGemm|QOrdered)|Integer(ToFloat)?$/

/**
 * The graph that a device without int64 kernels runs in place of the file, with the file's numbers up to rounding:
 * passes move its integers to the device. Undefined where the file runs as it is: it computes in eight or sixteen bits,
 * or has operators that cannot be rewritten.
 */
export function forDevice(bytes: Uint8Array, outline: Graph, options: ReadOptions): Graph | undefined {
  const isHalf = [...outline.initializers.values()].some(({ dtype }) => dtype === 'float16')
  if (isHalf || outline.nodes.some(({ opType }) => rounding.test(opType))) return undefined
  try {
    return foldLinear(simplify(readModel(bytes, options)))
  } catch (cause) {
    if (cause instanceof UnsupportedOperatorError || cause instanceof ShapeError) return undefined
    throw cause
  }
}

async function findFile(source: Files, file: string | undefined): Promise<string> {
  const candidates = file === undefined ? names.flatMap((name) => [name, `onnx/${name}`]) : [file.replaceAll('\\', '/')]
  for (const path of candidates) {
    await fetchFiles(source, [{ path, optional: true }])
    if (source.has(path)) return path
  }
  const namesake = file && source.names().find((name) => name.endsWith(`/${file}`))
  throw new ConfigError({
    where: source.where,
    what: 'no ONNX model',
    expected: file ?? 'model.onnx, onnx/model.onnx, or one of another precision, such as model_quantized.onnx',
    found: source.names().slice(0, 12).join(', '),
    fix: source.has('model.safetensors')
      ? 'These are weights without a graph: export() of what trained them writes an ONNX file; a student that save() ' +
        'wrote is opened with loadDistilled of @cola/distill.'
      : namesake
        ? `Did you mean ${namesake}?`
        : 'Name the file with the option file.',
  })
}

/** Whether a model must be converted: bfloat16 has no kernels on the CPU, and batches have float32 arrays only. */
const needsFloat32 = ({ inputs, initializers, values, nodes }: Graph): boolean =>
  inputs.some((name) => ['float16', 'float64', 'bfloat16'].includes(values.get(name)?.dtype ?? '')) ||
  [...initializers.values()].some(({ dtype }) => dtype === 'bfloat16') ||
  nodes.some(({ opType, attributes }) => opType === 'Cast' && attributes.to === 16)

function requireTextInputs(graph: Graph, path: string): void {
  const foreign = graph.inputs.filter((name) => roleOf(graph, name) === undefined)
  if (foreign.length > 0)
    throw new ConfigError({
      where: path,
      what: 'it has inputs that are not computed from text',
      expected: 'input_ids, attention_mask, token_type_ids, position_ids',
      found: foreign.slice(0, 6).join(', '),
      fix: 'Export the model for text classification, without a cache of keys and values.',
    })
}

/** The output named logits, else the only one that can be [batch, classes]. */
function logitsOf(graph: Graph, path: string): string {
  if (graph.outputs.includes('logits')) return 'logits'
  const flat = graph.outputs.filter((name) => graph.outputs.length === 1 || graph.values.get(name)?.shape.length === 2)
  if (flat.length === 1) return flat[0] as string
  throw new ConfigError({
    where: path,
    what: flat.length ? 'several outputs could be the logits' : 'no output has logits',
    expected: 'one output [batch, classes], or one called logits',
    found: graph.outputs
      .map((name) => (graph.values.has(name) ? `${name} [${getValue(graph, name).shape.join(', ')}]` : name))
      .join('; '),
    fix: 'Export the model for text classification.',
  })
}

/**
 * Names of the classes: id2label, else transformers' LABEL_0, LABEL_1, ...
 * @throws {ConfigError} when there is not one per class.
 */
function labelsOf({ id2label }: ModelConfig, classes: unknown, where: string): string[] {
  if (id2label === undefined || id2label === null) {
    if (typeof classes !== 'number') throw new ConfigError({ where, what: 'no labels', expected: 'id2label' })
    return defaultLabels(classes)
  }
  const entries = typeof id2label === 'object' ? Object.entries(id2label) : []
  const labels = entries.map((_, i) => (id2label as Record<string, unknown>)[i])
  if (labels.length === 0 || !labels.every((label) => typeof label === 'string'))
    throw new ConfigError({
      where: `${where}, field "id2label"`,
      what: 'not one name per class',
      expected: '{"0": ..., "1": ...}',
      found: JSON.stringify(id2label),
    })
  return labels as string[]
}

/**
 * Checks the shape of the logits: [batch, classes], with one label per class.
 * @param shape Symbolic sizes are not checked.
 * @throws {ConfigError} for another shape or number of labels.
 */
export function requireClasses(labels: readonly string[], shape: readonly (number | string)[], source: Files): void {
  const classes = shape.at(-1)
  if (shape.length !== 2)
    throw new ConfigError({
      where: source.where,
      what: 'its logits are not one row per text',
      expected: '[batch, classes]',
      found: `[${shape.join(', ')}]`,
    })
  if (typeof classes === 'number' && classes !== labels.length)
    throw new ConfigError({
      where: `${placeOf(source, 'config.json')}, field "id2label"`,
      what: 'not one name per class',
      expected: `${classes} names, as many as the model has logits`,
      found: String(labels.length),
    })
}
