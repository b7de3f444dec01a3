// npm run bench -- browser|generate|gpt2-lora|lm-memory|lora-onnx|qlora|rnn|webgpu [options] --json: training and
// generation at the real sizes.

import { browserBench } from './bench/browser.ts'
import { generateBench } from './bench/generate.ts'
import { gpt2LoraBench } from './bench/gpt2-lora.ts'
import { lmMemoryBench } from './bench/lm-memory.ts'
import { loraOnnxBench } from './bench/lora-onnx.ts'
import { qloraBench } from './bench/qlora.ts'
import { rnnBench } from './bench/rnn.ts'
import { webgpuBench } from './bench/webgpu.ts'

const [name, ...args] = process.argv.slice(2)
const benches: Record<string, (args: string[]) => Promise<Record<string, unknown>>> = {
  browser: browserBench,
  generate: generateBench,
  'gpt2-lora': gpt2LoraBench,
  'lm-memory': lmMemoryBench,
  'lora-onnx': loraOnnxBench,
  qlora: qloraBench,
  rnn: rnnBench,
  webgpu: webgpuBench,
}
const run = benches[name ?? '']
if (!run) {
  console.error(`usage: npm run bench -- ${Object.keys(benches).join('|')} [options] --json`)
  process.exit(2)
}
const result = await run(args)
if (args.includes('--json')) console.log(JSON.stringify(result))
else
  for (const [key, value] of Object.entries(result))
    console.log(`${key.padEnd(22)} ${typeof value === 'number' ? Number(value.toPrecision(5)) : value}`)
