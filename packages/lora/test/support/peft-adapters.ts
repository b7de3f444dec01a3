import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { elements, foldLinear, type Graph, parseSafetensors, readModel, simplify, type Tensor } from '@cola/graph'
import { defaultDevice, openSession, OrtTensor } from '@cola/train'
import { folderAt } from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import { type Adapter, canonicalize, type HeadedModel, withHead, withMaskedInputs } from '../../src/index.ts'

const fixtures = join(import.meta.dirname, '../fixtures/adapters')
/** A model of fixtures/adapters as `openOnnxModel` would give it. */
export function exported(name: 'bert' | 'llama'): HeadedModel {
  const graph = foldLinear(simplify(readModel(readFileSync(join(fixtures, name, 'model.onnx')))))
  canonicalize(graph, name)
  return { graph, trainable: new Set() }
}
export const head = { num_labels: 3, pooling: 'last', name: 'score' } as const
export const models = { bert: exported('bert'), llama: withHead(exported('llama'), head) }
export const expected = { bert: expectedOf('bert'), llama: expectedOf('llama') }
export const read = (name: keyof typeof models, variant: string): Adapter =>
  readAdapter(folderAt(join(fixtures, name, variant)))
function expectedOf(name: string): ReadonlyMap<string, Tensor> {
  return parseSafetensors(new Uint8Array(readFileSync(join(fixtures, name, 'expected.safetensors')))).tensors
}
export async function outputOf(
  name: keyof typeof models,
  model: { graph: Graph },
  further: Record<string, { data: unknown; dims: readonly number[] }> = {},
) {
  const graph = withMaskedInputs({ ...model, trainable: new Set() })
  const session = await openSession({ graph }, defaultDevice())
  const inputs = ['input_ids', 'attention_mask'].map((input) => {
    const value = expected[name].get(input) as Tensor
    return [input, new OrtTensor('int64', elements(value) as BigInt64Array, value.dims)] as const
  })
  const others = Object.entries(further).map(
    ([input, { data, dims }]) => [input, new OrtTensor('float32', data as Float32Array, dims)] as const,
  )
  const results = await session.run(Object.fromEntries([...inputs, ...others]))
  await session.release()
  return (results[graph.outputs[0] as string] as OrtTensor).data as Float32Array
}
