// Runs in Node and in the browser: greedy tokens of small decoders on a device.

import { type Files, memoryFiles } from '@cola/data'
import type { Model } from '@cola/graph'
import { configureRuntime, type Device } from '@cola/train'
import { readJson } from '@cola/train/files'
import { keepDevice } from '../../../../tools/kept-device.ts'
import { createGenerator, gpt2, parseGpt2Config, randomGpt2, readCachedModel } from '../../src/index.ts'

/** Prompts of different lengths, whose texts share a batch and its padding. */
const prompts = [[3, 17, 8, 21], [5, 9], [11]]

/** GPT-2 as this library builds it: a cache of keys and values by Concat, and packed positions. */
export function builtGpt2() {
  const config = parseGpt2Config({
    model_type: 'gpt2',
    n_layer: 2,
    n_head: 2,
    n_embd: 16,
    n_positions: 24,
    vocab_size: 40,
    initializer_range: 0.3,
  })
  const parameters = randomGpt2(config, { seed: 4, head: 'language-model' })
  return { config, model: gpt2(config, parameters, { head: 'language-model', cache: true }) }
}

function exported(files: Files, name: string) {
  const config = readJson(files, 'config.json') as Record<string, unknown> & { model_type: string }
  return { config, model: readCachedModel(files, name, config) as Model }
}

/** The tokens that a decoder generates for a batch of prompts. @param files The files of an export @default GPT-2 */
export async function greedy(device: Device, files?: Files, name = 'model.onnx'): Promise<readonly number[][]> {
  const { config, model } = files ? exported(files, name) : builtGpt2()
  const { generate, release } = await createGenerator(model, { config, device })
  const tokens = await generate(prompts, { max_new_tokens: 8, eos_token_id: [] })
  await release()
  return tokens
}

let kept: Promise<unknown> | undefined

/** In a page: the same for files that it fetches. */
async function greedyFetched(device: Device, folder?: string, name = 'model.onnx') {
  if (device === 'webgpu') kept ??= keepDevice()
  await kept
  if (folder === undefined) return greedy(device)
  const fetched = ['config.json', name].map(async (path) => {
    const response = await fetch(`/files/${folder}/${path}`)
    return [path, new Uint8Array(await response.arrayBuffer())] as const
  })
  return greedy(device, memoryFiles(new Map(await Promise.all(fetched)), folder), name)
}

/** Whether a signal that fires by a timer ends a call, on whose thread the runtime computes. */
async function isAborted(device: Device): Promise<boolean> {
  const { config, model } = builtGpt2()
  const { generate, release } = await createGenerator(model, { config, device })
  const controller = new AbortController()
  const many = Array.from({ length: 100 }, () => prompts).flat()
  let first = true
  const onToken = () => {
    if (first) setTimeout(() => controller.abort())
    first = false
  }
  const options = { eos_token_id: [], batch_size: 1, onToken, signal: controller.signal }
  const error = await generate(many, options).catch((reason: unknown) => reason)
  await release()
  return controller.signal.aborted && error === controller.signal.reason
}

Object.assign(globalThis, { configureRuntime, greedyFetched, isAborted, loaded: true })
