// node --import tsx --conditions=@cola/source tools/student-search.ts RUNS.jsonl: trains the student once a line and prints a JSON line of scores for each.
// A line holds options of `Run` below; what it leaves out is the report's setting. Only in_domain_dev is looked at unless --held-out is given.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { classificationMetrics, readColaFolder, readTokenizer } from '@cola/data'
import { distill, teacherFromFile } from '@cola/distill'
import { createStudent, embeddingFrom, parseDistilRnnConfig } from '@cola/rnn'
import { adamw, type Device, readSafetensorsFile } from '@cola/train'

interface Run {
  /** Folder with tokenizer.json, and with model.safetensors where `embedding` names a tensor of it. */
  tokenizer: string
  embedding?: string
  embedding_lr?: number
  config?: Record<string, unknown>
  teacher?: boolean
  /** Transfer sentences to use, and the share of them that the teacher is to call acceptable (undefined: as they come). */
  transfer?: number
  transfer_share?: number
  alpha?: number
  temperature?: number
  scale?: 'inverse-square' | 'square' | 'none'
  epochs?: number
  lr?: number
  weight_decay?: number
  schedule?: 'constant' | 'linear' | 'cosine'
  warmup?: number
  batch?: number
  seed?: number
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string' },
    teacher: { type: 'string' },
    device: { type: 'string', default: 'cpu' },
    'held-out': { type: 'boolean', default: false },
  },
})
const data = await readColaFolder(options.data as string)
const folder = options.teacher as string
const transfer = readFileSync(join(folder, 'transfer.txt'), 'utf8').trimEnd().split('\n')
const logits = teacherFromFile(join(folder, 'logits.safetensors'))
const transferLogits = teacherFromFile(join(folder, 'transfer.safetensors'))
const said = await transferLogits.logits({ name: 'transfer', texts: transfer })
const rowOf = new Map(transfer.map((text, i) => [text, i]))
const teacher = {
  logits: async ({ name, texts }: { name: string; texts: readonly string[] }) =>
    name === 'transfer'
      ? Float32Array.from(texts.flatMap((text) => [...said.subarray(2 * (rowOf.get(text) as number), 2 * (rowOf.get(text) as number) + 2)]))
      : logits.logits({ name, texts }),
}

/** The first sentences, of which a share is acceptable to the teacher. */
function chosen(count: number, share?: number): string[] {
  if (share === undefined) return transfer.slice(0, count)
  const good = transfer.filter((_, i) => (said[2 * i + 1] as number) > (said[2 * i] as number))
  const bad = transfer.filter((_, i) => (said[2 * i + 1] as number) <= (said[2 * i] as number))
  const size = Math.min(count, Math.floor(good.length / share), Math.floor(bad.length / (1 - share)))
  return [...good.slice(0, Math.round(share * size)), ...bad.slice(0, Math.round((1 - share) * size))]
}

for (const line of readFileSync(positionals[0] as string, 'utf8')
  .trim()
  .split('\n')) {
  const run = JSON.parse(line) as Run
  const { seed = 1, epochs = 5, lr = 1e-3, batch = 128 } = run
  const tokenizer = await readTokenizer(run.tokenizer)
  const encode = (text: string) => tokenizer.encode(text)
  const table =
    run.embedding && embeddingFrom(readSafetensorsFile(join(run.tokenizer, 'model.safetensors')).tensors.get(run.embedding) as never, { scale: 'unit' })
  const config = parseDistilRnnConfig({
    vocab_size: table ? table.rows : tokenizer.vocabSize,
    embedding_size: table ? table.width : 768,
    ...run.config,
  })
  const own = chosen(run.transfer ?? 0, run.transfer_share)
  const sentences = [...Object.values(data).flatMap((rows) => rows.map(({ text }) => text)), ...own].map(encode)
  const student = createStudent({ config, sentences, seed, ...(table ? { embedding: table } : {}) })
  const { embedding_lr = 1 } = run
  const model =
    embedding_lr === 0 ? { ...student.model, trainable: new Set([...student.model.trainable].filter((name) => name !== 'embedding.weight')) } : student.model
  const started = performance.now()
  const result = await distill({
    student: { model, collate: student.collate },
    encode,
    ...(run.teacher ? { teacher } : {}),
    splits: { train: 'in_domain_train', transfer: 'transfer' },
    data: {
      train: data.in_domain_train,
      evaluation: data.in_domain_dev,
      transfer: own,
      ...(options['held-out'] ? { held_out: { out_of_domain_dev: data.out_of_domain_dev } } : {}),
    },
    loss: { alpha: run.alpha ?? 0.8, temperature: run.temperature ?? 2, scale: run.scale ?? 'inverse-square' },
    optimizer: adamw({
      weight_decay: run.weight_decay ?? 0,
      max_grad_norm: 1,
      ...(embedding_lr === 1 || embedding_lr === 0 ? {} : { groups: [{ params: ['embedding.weight'], lr_scale: embedding_lr }] }),
    }),
    epochs,
    batch_size: batch,
    learning_rate: lr,
    lr_scheduler_type: run.schedule ?? 'constant',
    warmup: run.warmup ?? 0,
    seed,
    compute_metrics: classificationMetrics,
    metric_for_best_model: 'mcc',
    device: options.device as Device,
  })
  const score = ({ accuracy, mcc }: Record<string, number>) => [Number(accuracy?.toFixed(4)), Number(mcc?.toFixed(3))]
  console.log(
    JSON.stringify({
      run,
      best: result.best?.epoch,
      dev: score(result.evaluation?.metrics ?? {}),
      ...(options['held-out'] ? { ood: score(result.held_out.out_of_domain_dev?.metrics ?? {}) } : {}),
      epochs: result.history.map(({ eval_metrics }) => score(eval_metrics)),
      train: result.history.map(({ train_metrics }) => Number(train_metrics.accuracy?.toFixed(3))),
      seconds: Math.round((performance.now() - started) / 1000),
    }),
  )
}
