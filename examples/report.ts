// The whole report in one command: experiment 1 (GPT-2 with LoRA), experiment 2 (a small RNN with and without
// distillation), tables and figures.
// npm run report -- [--data FOLDER|ZIP|glue] [--model FOLDER|HUB_NAME ...] [--teacher FOLDER] [--teacher-logits FILE]
// [--student FILE.json] [--tokenizer FOLDER]
//   [--embedding FOLDER:TENSOR] [--transfer FILE.txt --transfer-logits FILE [--transfer-share 0.7]] [--seeds 3]
// [--epochs 10] [--student-epochs 5] [--device cpu] [--out out/report] An interrupted report goes on where it was when
// it is started again.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  accuracy,
  confusionMatrix,
  encodeRows,
  longestInput,
  majorityBaseline,
  matthewsCorrelation,
  mcnemar,
  pairedBootstrap,
} from '@cola/data'
import {
  balanced,
  cachedTeacher,
  type Split,
  type Teacher,
  teacherFromClassifier,
  teacherFromFile,
} from '@cola/distill'
import {
  countParameters,
  exportClassifier,
  gpt2,
  loadPretrained,
  lora,
  merge,
  millions,
  randomGpt2,
  reportConfig,
  withParameters,
  writeAdapter,
} from '@cola/lora'
import { type Device, type EpochLog, loadClassifier, stopSignal } from '@cola/train'
import { loadData, unlabelled } from './support/data.ts'
import { markdownTable, writeReport } from './support/document.ts'
import { drawFigure, type Point } from './support/figures.ts'
import { finetune } from './support/finetune.ts'
import { epochLine, percent, progressBar } from './support/progress.ts'
import { once } from './support/runs.ts'
import { type StudentRun, type StudentSettings, trainStudent } from './support/students.ts'

const embeddedModel = join(import.meta.dirname, 'model')
const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: 'generator' },
    model: { type: 'string', multiple: true },
    teacher: { type: 'string' },
    'teacher-logits': { type: 'string' },
    student: { type: 'string' },
    tokenizer: { type: 'string' },
    embedding: { type: 'string' },
    transfer: { type: 'string' },
    'transfer-logits': { type: 'string' },
    'transfer-share': { type: 'string' },
    seeds: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    epochs: { type: 'string', default: '10' },
    'student-epochs': { type: 'string' },
    device: { type: 'string', default: 'cpu' },
    out: { type: 'string', default: join(import.meta.dirname, '..', 'out', 'report') },
  },
})
const [firstSeed, seedCount] = [Number(options.seed), Number(options.seeds)]
const seeds = Array.from({ length: seedCount }, (_, i) => firstSeed + i)
const embedded = options.data === 'generator'
const runs = join(options.out, 'runs')
const { signal } = stopSignal()
const device = options.device as Device
const watch = { onStep: progressBar, onEpoch: epochLine }

/** A run that was stopped ends the script; the next start goes on there. */
function finished<Result>(result: Result | undefined): Result {
  if (result !== undefined) return result
  console.log(`\nstopped; start the same command again to go on (${runs})`)
  process.exit(130)
}

// ## Data
const data = await loadData(options.data, firstSeed)
const labels = {
  validation: data.validation.map(({ label }) => label),
  heldOut: data.heldOut.rows.map(({ label }) => label),
}
console.log(
  `${data.name}: ${data.train.length} to train on, ${data.validation.length} to validate, ${data.heldOut.rows.length} of ${data.heldOut.name}\n`,
)

// ## Experiment 1: GPT-2 with LoRA. Offline: the embedded model, and the same from random weights
interface TeacherRun {
  parameters: { total: number; trainable: number; reduction: number }
  history: EpochLog[]
  best: number
  seconds: number
  validation: number[]
  heldOut: number[]
}
/** A teacher from elsewhere. */
const given = options['teacher-logits'] ?? options.teacher
const models =
  options.model ??
  (given ? [] : embedded ? [embeddedModel, 'random'] : ['openai-community/gpt2', 'openai-community/gpt2-medium'])
const nameOf = (model: string): string =>
  model === embeddedModel
    ? 'embedded'
    : model === 'random'
      ? 'from random weights'
      : (model.split('/').filter(Boolean).at(-1) ?? model)
const teachers: { name: string; folder: string; run: TeacherRun }[] = []
for (const [i, model] of models.entries()) {
  console.log(`experiment 1: ${nameOf(model)}`)
  const folder = join(options.out, `teacher-${i + 1}`)
  const settings = { model, data: options.data, epochs: options.epochs, seed: firstSeed }
  const run = await once<TeacherRun>(runs, `teacher-${i + 1}`, settings, async (output_dir) => {
    const pretrained = await loadPretrained(model === 'random' ? embeddedModel : model, {
      num_labels: 2,
      seed: firstSeed,
    })
    const base =
      model === 'random'
        ? gpt2(pretrained.config, randomGpt2(pretrained.config, { seed: firstSeed }))
        : pretrained.model
    const injected = lora(base, reportConfig, { seed: firstSeed })
    const max_length = longestInput(pretrained.config, pretrained.tokenizer)
    const rows = (split: typeof data.train) => encodeRows(pretrained.tokenizer, split, { max_length }).rows
    const started = performance.now()
    const result = await finetune({
      model: injected,
      train: rows(data.train),
      validation: rows(data.validation),
      heldOut: rows(data.heldOut.rows),
      device,
      epochs: Number(options.epochs),
      batch_size: 128,
      learning_rate: embedded ? 5e-3 : 1e-3,
      lr_scheduler_type: embedded ? 'linear' : 'constant',
      seed: firstSeed,
      output_dir,
      resume: true,
      signal,
      callbacks: watch,
    })
    if (result.stopped === 'aborted') return undefined
    const trained = withParameters(injected, result.parameters)
    writeAdapter(join(folder, 'adapter'), trained, { baseModel: model })
    exportClassifier(merge(trained), {
      folder: join(folder, 'classifier'),
      config: pretrained.config,
      tokenizerFolder: pretrained.folder,
      labels: ['unacceptable', 'acceptable'],
    })
    const { history, best, validation, heldOut } = result
    const seconds = (performance.now() - started) / 1000
    return {
      parameters: countParameters(injected),
      history,
      best: best?.epoch ?? 0,
      seconds,
      validation: validation.predictions,
      heldOut: heldOut.predictions,
    }
  })
  teachers.push({ name: nameOf(model), folder, run: finished(run) })
}

// ## The teacher of experiment 2: the best of experiment 1 by validation MCC, another classifier's folder, or a file of
// logits. It is asked once for each sentence
const best = [...teachers].sort(
  (a, b) =>
    matthewsCorrelation(b.run.validation, labels.validation) - matthewsCorrelation(a.run.validation, labels.validation),
)[0]
const transfer = options.transfer
  ? readFileSync(options.transfer, 'utf8').trimEnd().split('\n')
  : embedded
    ? unlabelled(firstSeed, data)
    : []
async function teacherOf(): Promise<Teacher> {
  if (options['teacher-logits']) {
    const files = [options['teacher-logits'], options['transfer-logits']]
      .filter((file) => file !== undefined)
      .map(teacherFromFile)
    const [own, other] = files as [Teacher, Teacher | undefined]
    const said = other && (await other.logits({ name: 'transfer', texts: transfer }))
    const rows = new Map(transfer.map((text, i) => [text, said?.slice(2 * i, 2 * i + 2) ?? []]))
    return {
      logits: async (split: Split) =>
        split.name === 'transfer'
          ? Float32Array.from(split.texts.flatMap((text) => [...(rows.get(text) ?? [])]))
          : own.logits(split),
    }
  }
  const classifier = options.teacher ?? (best && join(best.folder, 'classifier'))
  if (!classifier) throw new Error('no teacher: give --model, --teacher or --teacher-logits')
  return cachedTeacher(teacherFromClassifier(await loadClassifier(classifier, { device })), {
    folder: join(options.out, 'logits'),
  })
}
const teacher = await teacherOf()
const share = Number(options['transfer-share'])
const chosenTransfer = options['transfer-share']
  ? balanced(await teacher.logits({ name: 'transfer', texts: transfer }), share).map((i) => transfer[i] as string)
  : transfer

// ## Experiment 2: the student, with the teacher and without, the same seeds for both
const small: StudentSettings = { config: { embedding_size: 128, hidden_size: 128 } }
const asked = options.student
  ? (JSON.parse(readFileSync(options.student, 'utf8')) as {
      common?: StudentSettings
      with?: StudentSettings
      without?: StudentSettings
    })
  : {}
const settingsOf = (which: 'with' | 'without'): StudentSettings => ({
  ...(embedded && !options.student ? small : {}),
  ...asked.common,
  ...asked[which],
  ...(options['student-epochs'] ? { epochs: Number(options['student-epochs']) } : {}),
})
const studentData = {
  splits: data,
  tokenizer: options.tokenizer ?? (best ? join(best.folder, 'classifier') : embeddedModel),
  embedding: options.embedding,
  names: embedded ? { train: 'train', transfer: 'transfer' } : { train: 'in_domain_train', transfer: 'transfer' },
  transfer: chosenTransfer,
}
const students: Record<'with' | 'without', StudentRun[]> = { with: [], without: [] }
for (const seed of seeds) {
  for (const which of ['without', 'with'] as const) {
    const settings = settingsOf(which)
    console.log(`experiment 2: student ${which} distillation, seed ${seed}`)
    const record = {
      settings,
      seed,
      data: options.data,
      teacher: given ?? best?.run.best,
      tokenizer: studentData.tokenizer,
      embedding: options.embedding,
      transfer: transfer.length,
    }
    const run = await once<StudentRun>(runs, `student-${which}-${seed}`, record, (output_dir) =>
      trainStudent({
        data: studentData,
        settings,
        teacher: which === 'with' ? teacher : undefined,
        seed,
        device,
        output_dir,
        signal,
        callbacks: watch,
      }),
    )
    students[which].push(finished(run))
  }
}

// ## Figures: accuracy and loss against epoch, of each model and of the student with and without
const curves = (history: readonly EpochLog[], quantity: 'accuracy' | 'loss'): Point[] =>
  history.flatMap(({ epoch, train_loss, train_metrics, eval_loss, eval_metrics }) => [
    { epoch, series: 'train', value: quantity === 'loss' ? train_loss : (train_metrics.accuracy ?? 0) },
    { epoch, series: 'validation', value: quantity === 'loss' ? eval_loss : (eval_metrics.accuracy ?? 0) },
  ])
const subjects = [
  ...teachers.map(({ name, run }) => ({ name: `GPT-2 with LoRA, ${name}`, history: run.history })),
  { name: 'student with distillation', history: students.with[0]?.history ?? [] },
  { name: 'student without distillation', history: students.without[0]?.history ?? [] },
]
const figures = subjects.flatMap(({ name, history }, i) =>
  (['accuracy', 'loss'] as const).map((quantity, k) => {
    const [file, title] = [
      `figure-${2 * i + k + 1}`,
      `Figure ${2 * i + k + 1}. ${quantity === 'accuracy' ? 'Accuracy' : 'Loss'} against epoch: ${name}`,
    ]
    drawFigure(options.out, file, curves(history, quantity), { title, label: quantity })
    return `![${title}](${file}.svg)`
  }),
)

// ## Tables
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
const deviation = (values: readonly number[]): number =>
  values.length < 2 ? 0 : Math.sqrt(values.reduce((sum, x) => sum + (x - mean(values)) ** 2, 0) / (values.length - 1))
const spread = (values: readonly number[], format: (x: number) => string): string =>
  `${format(mean(values))} ± ${format(deviation(values))}`
const three = (x: number): string => x.toFixed(3)
const scores = (predictions: readonly number[], truth: readonly number[]): string[] => [
  percent(accuracy(predictions, truth)),
  three(matthewsCorrelation(predictions, truth)),
]
const majority = (truth: readonly number[]): string[] => [percent(majorityBaseline(truth)), '0.000']
const matrixOf = (predictions: readonly number[]): string =>
  markdownTable(
    ['true \\ predicted', 'unacceptable', 'acceptable'],
    confusionMatrix(predictions, labels.validation, 2).map((counts, i) => [
      ['unacceptable', 'acceptable'][i] as string,
      ...counts,
    ]),
  )
const studentRow = (which: 'with' | 'without'): string[] => {
  const list = students[which]
  const of = (split: 'validation' | 'heldOut') => [
    spread(
      list.map((run) => run[split].accuracy),
      percent,
    ),
    spread(
      list.map((run) => run[split].mcc),
      three,
    ),
  ]
  return [
    `student ${which} distillation`,
    ...of('validation'),
    ...of('heldOut'),
    String(list[0]?.steps ?? 0),
    `${mean(list.map(({ seconds }) => seconds)).toFixed(0)} s`,
  ]
}

/** The runs of all seeds laid end to end: each row of the split once a seed, the same rows for both. */
function comparison(split: 'validation' | 'heldOut'): string[][] {
  const all = (which: 'with' | 'without') => students[which].flatMap((run) => run[split].predictions)
  const truth = students.with.flatMap(() => labels[split])
  const test = mcnemar(all('without'), all('with'), truth)
  const [first, second] = [students.without[0]?.[split].predictions ?? [], students.with[0]?.[split].predictions ?? []]
  const single = mcnemar(first, second, labels[split])
  const interval = (metric: typeof accuracy, format: (x: number) => string) => {
    const {
      difference,
      interval: [low, high],
      p,
    } = pairedBootstrap(metric, all('without'), all('with'), truth, { seed: 1, runs: seeds.length })
    return `${format(difference)} [${format(low)}, ${format(high)}], p ${three(p)}`
  }
  const title = split === 'validation' ? 'validation' : data.heldOut.name
  return [
    [
      title,
      `McNemar, first seed: ${single.onlySecond} rows right only with, ${single.onlyFirst} only without, p ${three(single.p)}`,
    ],
    [title, `all seeds: ${test.onlySecond} rows right only with, ${test.onlyFirst} only without`],
    [title, `paired bootstrap over rows, all seeds: accuracy, with minus without: ${interval(accuracy, percent)}`],
    [title, `paired bootstrap over rows, all seeds: MCC, with minus without: ${interval(matthewsCorrelation, three)}`],
  ]
}

/** What came out, in a sentence. */
function verdict(): string {
  const all = (which: 'with' | 'without') => students[which].flatMap((run) => run.heldOut.predictions)
  const truth = students.with.flatMap(() => labels.heldOut)
  const { difference, p } = pairedBootstrap(matthewsCorrelation, all('without'), all('with'), truth, {
    seed: 1,
    runs: seeds.length,
  })
  const change = `MCC on ${data.heldOut.name} ${difference >= 0 ? 'rises' : 'falls'} by ${three(Math.abs(difference))} with distillation (p ${three(p)} over ${seeds.length} seeds)`
  if (p >= 0.05) return `${change}: no more than noise. **Distillation does not help here.**`
  return difference > 0 ? `${change}. **Distillation helps here.**` : `${change}. **Distillation hurts here.**`
}

const report = `# Fine-tuning GPT-2 with LoRA, and distilling it into a small RNN

${data.name}: ${data.train.length} sentences to train on, ${data.validation.length} to validate (the best epoch is chosen by validation MCC), ${data.heldOut.rows.length} of ${data.heldOut.name}, scored once at the end.
Seeds ${seeds.join(', ')}. One standard error of an accuracy near 70% is ${percent(Math.sqrt((0.7 * 0.3) / labels.validation.length))} on validation.

## Experiment 1: LoRA

${
  teachers.length === 0
    ? `Not run: the teacher was given (${given}).`
    : [
        markdownTable(
          ['', 'total parameters', 'trainable', 'reduction'],
          teachers.map(({ name, run: { parameters } }) => [
            name,
            millions(parameters.total),
            millions(parameters.trainable),
            percent(parameters.reduction),
          ]),
        ),
        markdownTable(
          ['', 'validation accuracy', 'MCC', `${data.heldOut.name} accuracy`, 'MCC', 'best epoch', 'time'],
          [
            ['majority class', ...majority(labels.validation), ...majority(labels.heldOut), '', ''],
            ...teachers.map(({ name, run }) => [
              name,
              ...scores(run.validation, labels.validation),
              ...scores(run.heldOut, labels.heldOut),
              run.best,
              `${run.seconds.toFixed(0)} s`,
            ]),
          ],
        ),
        ...teachers.map(({ name, run }) => `Confusion matrix of ${name}, validation:\n\n${matrixOf(run.validation)}`),
      ].join('\n\n')
}

## Experiment 2: the student

${chosenTransfer.length && settingsOf('with').transfer ? `With distillation the student also learns from ${chosenTransfer.length} unlabelled sentences${options['transfer-share'] ? `, of which the teacher calls ${percent(share)} acceptable` : ''}. ` : ''}The teacher is ${best ? `${best.name}, the better of experiment 1 by validation MCC` : `given (${given})`}. Settings with distillation: \`${JSON.stringify(settingsOf('with'))}\`; without: \`${JSON.stringify(settingsOf('without'))}\`.

${markdownTable(
  ['', 'validation accuracy', 'MCC', `${data.heldOut.name} accuracy`, 'MCC', 'steps', 'time a run'],
  [
    ['majority class', ...majority(labels.validation), ...majority(labels.heldOut), '', ''],
    studentRow('without'),
    studentRow('with'),
  ],
)}

Mean ± standard deviation over seeds.

${markdownTable(['rows', 'with against without'], [...comparison('validation'), ...comparison('heldOut')])}

${verdict()}

Confusion matrices of the first seed, validation:

with distillation

${matrixOf(students.with[0]?.validation.predictions ?? [])}

without

${matrixOf(students.without[0]?.validation.predictions ?? [])}

## Figures

${figures.join('\n\n')}
`
await writeReport(options.out, 'LoRA and distillation', report)
console.log(
  `\n${verdict().replaceAll('**', '')}\nwrote report.md, report.html and ${figures.length} figures to ${options.out}`,
)
