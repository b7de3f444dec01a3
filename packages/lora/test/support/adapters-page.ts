// Runs in the browser: a page of someone else's, which generates with what exportAdapters wrote, by the runtime alone.

import { parseSafetensors, toFloat32 } from '@cola/graph'
import { OrtTensor, type OrtTensors } from '@cola/train'
import { env, InferenceSession } from 'onnxruntime-web/wasm'
import { greedyLoop, type OpenDecoder } from './greedy-loop.ts'

env.wasm.wasmPaths = '/'
env.wasm.numThreads = 1

const bytesOf = async (path: string): Promise<Uint8Array> =>
  new Uint8Array(await (await fetch(`/files/${path}`)).arrayBuffer())

async function open(): Promise<OpenDecoder> {
  const externalData = [{ path: 'model.onnx_data', data: await bytesOf('model.onnx_data') }]
  const session = await InferenceSession.create(await bytesOf('model.onnx'), { externalData })
  const caches = session.inputMetadata.flatMap((input) => {
    const [, heads, , size] = input.isTensor ? input.shape : []
    return input.name.startsWith('past') ? [[input.name, [1, Number(heads), 0, Number(size)]] as const] : []
  })
  return { run: (feeds) => session.run(feeds as InferenceSession.FeedsType), caches }
}

const matricesOf = async (adapter: string): Promise<OrtTensors> =>
  Object.fromEntries(
    [...parseSafetensors(await bytesOf(`adapters/${adapter}.safetensors`)).tensors].map(([name, tensor]) => [
      name,
      new OrtTensor('float32', toFloat32(tensor), tensor.dims),
    ]),
  )

/** Greedy tokens with each adapter in turn, on one session. */
async function greedyWith(adapters: readonly string[], prompt: readonly number[], count: number) {
  const decoder = await open()
  const texts: number[][] = []
  for (const adapter of adapters) {
    const lora_scale = new OrtTensor('float32', Float32Array.of(1), [])
    const others = { ...(await matricesOf(adapter)), lora_scale }
    texts.push((await greedyLoop({ ...decoder, others }, prompt, count)).tokens)
  }
  return texts
}

Object.assign(globalThis, { greedyWith, loaded: true })
