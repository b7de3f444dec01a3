import { differentiate, readModel } from '@cola/graph'
import { externalDataOf, readFile } from '@cola/train'
import { dirname } from 'node:path'
for (const p of ['../shared/golden/onnx-bert/model.onnx', '../shared/golden/onnx-gpt2/model.onnx', '../shared/data/minilm-l6/onnx/model.onnx', '/tmp/smollm2/model.onnx']) {
  const t = performance.now()
  try {
    const g = readModel(readFile(p), { where: p, externalData: externalDataOf(dirname(p)) })
    console.log(p, (performance.now() - t).toFixed(0), 'ms', g.nodes.length, g.outputs.map((o) => JSON.stringify(g.values.get(o)?.shape)), process.memoryUsage().rss / 1e6)
    console.log([...g.initializers].filter(([n, t]) => t.dims.length === 2).slice(0, 6).map(([n, t]) => `${n} ${t.dims}`))
  } catch (e) { console.log(p, (e as Error).message) }
}
