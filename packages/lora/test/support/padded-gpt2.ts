import { join } from 'node:path'
import { defaultDevice, openSession, OrtTensor } from '@cola/train'
import { folderAt } from '../../../../tools/test-folders.ts'
import { gpt2, parseGpt2Config, randomGpt2 } from '../../src/index.ts'

export const small = { model_type: 'gpt2', n_layer: 2, n_head: 2, n_embd: 8, n_positions: 16, vocab_size: 300 }
export const config = parseGpt2Config(small)
export const model = () => gpt2(config, randomGpt2(config, { seed: 1 }))
export const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))
export async function logits(
  graph: Parameters<typeof openSession>[0]['graph'],
  ids: number[][],
  mask: number[][],
): Promise<Float32Array> {
  const session = await openSession({ graph }, defaultDevice())
  const feed = (rows: number[][]) =>
    new OrtTensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0])
  const result = await session.run({ input_ids: feed(ids), attention_mask: feed(mask) })
  await session.release()
  return (result.logits as OrtTensor).data as Float32Array
}
