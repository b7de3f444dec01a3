// Runs in the browser: the embedded model, which the page fetches, fine-tuned and timed.

import { configureRuntime } from '@cola/train'
import { modelFiles, timeFineTune, type Work } from './fine-tune-embedded.ts'
import { productRate } from './product-rate.ts'

async function timed(work: Work) {
  const files = modelFiles.map(async (name) => {
    const response = await fetch(`/files/${name}`)
    if (!response.ok) throw new Error(`/files/${name}: ${response.status}`)
    return [name, new Uint8Array(await response.arrayBuffer())] as const
  })
  return timeFineTune(Object.fromEntries(await Promise.all(files)), work)
}

Object.assign(globalThis, { configureRuntime, timed, productRate, loaded: true })
