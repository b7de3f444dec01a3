import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { foldLinear, readModel, simplify } from '@cola/graph'
import { expect, it } from 'vitest'
import { canonicalize, lora } from '../../src/index.ts'

it('draws one dropout mask for what several layers read', () => {
  const graph = readModel(
    readFileSync(join(import.meta.dirname, '../../../../tools/parity/fixtures/onnx-llama-dynamo/model.onnx')),
  )
  const folded = foldLinear(simplify(graph))
  canonicalize(folded, 'llama')
  const model = lora(
    { graph: folded, trainable: new Set() },
    { r: 2, lora_dropout: 0.1, target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj'] },
  )
  const layers = model.targets.length / 4
  expect(model.graph.nodes.filter(({ opType }) => opType === 'Dropout')).toHaveLength(2 * layers)
})
