import { memoryFiles, memorySink } from '@cola/data'
import { describe, expect, it } from 'vitest'
import { readAdapter } from '../../src/adapter/files.ts'
import { ConfigError, gpt2, lora, parseGpt2Config, randomGpt2, writeAdapter } from '../../src/index.ts'

const config = parseGpt2Config({ model_type: 'gpt2', n_layer: 1, n_head: 1, n_embd: 4, n_positions: 4, vocab_size: 8 })
const sink = memorySink()
writeAdapter(sink, lora(gpt2(config, randomGpt2(config)), { task_type: 'SEQ_CLS', r: 1, target_modules: ['c_fc'] }))

const withHead = (head: object) =>
  memoryFiles({
    ...Object.fromEntries(sink.names().map((name) => [name, sink.read(name)])),
    'head_config.json': new TextEncoder().encode(JSON.stringify({ head: 'score', pooling: 'last', ...head })),
  })

describe('head_config.json', () => {
  it('has a name for each class', () => {
    const { head } = readAdapter(withHead({ num_labels: 2, id2label: { 0: 'bad', 1: 'good' } }))
    expect(head?.labels).toEqual(['bad', 'good'])
  })

  it.each([1, 3, 1_000_000_002])('is refused at once with two names for %i classes', (num_labels) => {
    const read = () => readAdapter(withHead({ num_labels, id2label: { 0: 'bad', 1: 'good' } }))
    expect(read).toThrow(ConfigError)
    expect(read).toThrow(
      `head_config.json, field "id2label": not one name for each class, expected ${num_labels}, as num_labels says, found 2`,
    )
  })
})
