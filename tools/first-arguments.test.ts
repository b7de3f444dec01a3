// Every public function says what it takes where it is given null, undefined, or a value of another kind, in a typed
// error, before it does anything. docs/first-arguments.mjs finds the functions in the types, so that one without the
// check fails.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import * as data from '@cola/data'
import * as distill from '@cola/distill'
import * as graph from '@cola/graph'
import * as lora from '@cola/lora'
import * as rnn from '@cola/rnn'
import * as train from '@cola/train'
import { describe, expect, it } from 'vitest'
import { root } from './root.ts'

type Kind = 'null' | 'undefined' | 'number' | 'string' | 'array' | 'promise'

interface Found {
  /** Kinds of values that the first argument may not be. */
  readonly bad: readonly Kind[]
  /** Whether it is a text or a number, which is not looked at where any does. */
  readonly isText: boolean
}

const found: Readonly<Record<string, Found>> = JSON.parse(
  execFileSync(process.execPath, [join(root, 'docs/first-arguments.mjs')], { encoding: 'utf8' }),
)

const packages: Readonly<Record<string, object>> = { graph, data, train, lora, rnn, distill }
const values: Readonly<Record<Kind, unknown>> = {
  ...{ null: null, undefined: undefined, number: 3, string: 'no such thing', array: [], promise: Promise.resolve([]) },
}

/** The other arguments, where a function checks its options before anything else. */
const others: Readonly<Record<string, readonly unknown[]>> = {
  'graph differentiate': [{ loss: 'loss', wrt: [] }],
  'graph divDims': [1],
  'graph layoutExternal': [{ location: 'file' }],
  'graph recompute': [{ forward: 0, kept: [], gradients: new Map() }],
  'graph quantizeProducts': [{ bits: 4, blockSize: 32, minimum: 0 }],
  'data unpad': [[], [0, 0]],
  'data packSteps': [{ max_length: 1 }],
  'data pairedBootstrap': [[0], [0], [0], { seed: 1 }],
  'data cosineSimilarities': [{ data: new Float32Array(1), width: 1 }],
  'data retrievalMetrics': [{ data: new Float32Array(1), width: 1 }],
  'data splitRows': [0.5],
  'data renameFix': [[]],
  'data openFileIn': ['a.txt'],
  'data parseRecords': ['csv'],
  'data parseTable': ['csv'],
  'data pickleFix': [[], { folder: '.' }],
  'train saveArtifacts': [{}],
  'train unseenRows': [{ seen: 1, unseen: 1 }],
  'train generateArtifacts': [{ loss: train.crossEntropy(), optimizer: train.sgd() }],
  'train openEvaluation': [{ loss: train.crossEntropy(), device: 'cpu' }],
  'train resolveDevice': [graph.createGraph('g')],
  'train saveCheckpoint': [new Map(), {}],
  'train saveBatches': [
    { artifacts: {}, data: { train: [{}], collate: () => ({}) }, epochs: 1, batch_size: 1, learning_rate: 1 },
  ],
  'train saveRows': [graph.createGraph('g'), { rows: [], collate: () => ({}), batch_size: 1 }],
  'train evaluateRows': [[], { batch_size: 1, collate: () => ({}) }],
  'train checkLoopOptions': [{}, {}],
  'train writeModels': [{}],
  'lora exportAdapters': [{}, {}],
  'lora writeAdapter': [{}],
  'lora createGenerator': [{ config: {} }],
  'lora nextToken': [{}],
  'lora sampleTexts': [{ count: 1 }],
  'lora fineTune': [{ train: [] }],
  'lora lora': [{}],
  'lora withAdapter': [{}],
  'lora exportMerged': [{ folder: '.', config: {} }],
  'lora withHead': [{ num_labels: 2, pooling: 'first' }],
  'lora writeOnnxAdapter': [{}, 'a'],
  'rnn saveStudent': [{ config: {}, parameters: new Map() }],
  'rnn compact': [{ ids: [] }],
  'rnn expand': [{ ids: [] }],
  'rnn distilRnn': [new Map(), {}, { max_length: 1 }],
  'distill withProjection': [{ width: 1 }],
  'distill pairLoss': [{ student: [], teacher: [], width: 1 }],
  'distill cachedTeacher': [{ folder: '.' }],
}

/** What a call throws, or is rejected with; a generator runs up to its first value. */
async function errorOf(name: string, value: unknown): Promise<unknown> {
  const [owner = '', called = ''] = name.split(' ')
  const call = (packages[owner] as Record<string, (...args: readonly unknown[]) => unknown>)[called]
  try {
    const result = await call?.(value, ...(others[name] ?? []))
    ;(result as Partial<Generator> | undefined)?.next?.()
    return undefined
  } catch (error) {
    return error
  }
}

describe.each(Object.entries(found))('%s', (name, { bad, isText }) => {
  it.skipIf(isText)('says what it found in an object that is none', async () => {
    for (const value of [{ rows: [] }, [{ rows: [] }]])
      expect(String(await errorOf(name, value))).not.toContain('[object Object]')
  })

  it.each(bad)('refuses %s', async (kind) => {
    const error = await errorOf(name, values[kind])
    if (isText && error === undefined) return
    expect(error).toBeInstanceOf(graph.ColaError)
    // Another argument that is missing would be an error, too.
    const { problem } = error as graph.ColaError
    if (!isText && kind === 'null') expect(problem.found?.toLowerCase(), JSON.stringify(problem)).toContain('null')
    if (kind === 'promise') expect(String(error)).toContain('a Promise: write await before it')
  })
})
