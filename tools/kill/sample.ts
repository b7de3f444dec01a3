// Texts that are sampled and killed: sample.ts FOLDER goes on in FOLDER/texts.jsonl, and writes FOLDER/result.json at
// its end.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadFineTuned, sampleTexts } from '@cola/lora'

const folder = process.argv[2] as string
const model = await loadFineTuned(join(folder, '../model'), { task: 'CAUSAL_LM' })
const onText = () => void process.stdout.write('text\n')
const file = join(folder, 'texts.jsonl')
const texts = await sampleTexts(model, { count: 60, max_new_tokens: 24, seed: 3, batch_size: 4, file, onText })
await model.release()
writeFileSync(join(folder, 'result.json'), JSON.stringify(texts))
