// %% [markdown]
// # The report
//
// Two experiments and their document, in one command. Experiment 1 fine-tunes GPT-2 with LoRA; experiment 2 distils it
// into a small RNN, with its logits and without, on several seeds. Tables with tests and eight figures go to report.md
// and report.html.
//
//     npm run report
//     npm run report -- --data cola_public --teacher-logits logits.safetensors --tokenizer gpt2 --seeds 5
//
// A report that was interrupted goes on where it was when it is started again.

// %%
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { accuracy, confusionMatrix, encodeRows, longestInput, majorityBaseline, matthewsCorrelation } from '@cola/data'
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
  exportMerged,
  gpt2,
  loadPretrained,
  lora,
  merge,
  millions,
  randomGpt2,
  withParameters,
  writeAdapter,
} from '@cola/lora'
import { consoleProgress, type Device, type EpochLog, loadClassifier, stopSignal } from '@cola/train'
import { adaptedTeacher } from './support/adapted-teacher.ts'
import { loadData, readTexts, unlabelled } from './support/data.ts'
import { comparison, comparisonHeader, type Pairs, spread, three, verdict } from './support/compare.ts'
import { drawCurve } from './support/curves.ts'
import { caption, image, markdownTable, writeReport } from './support/document.ts'
import { finetune } from './support/finetune.ts'
import { embeddedModel, outFolder } from './support/folders.ts'
import { percent } from './support/progress.ts'
import { reportLora } from './support/report/lora-config.ts'
import { reportTraining } from './support/report/student.ts'
import { once } from './support/runs.ts'
import { commandLine } from './support/settings.ts'
import { settingsTable } from './support/settings-table.ts'
import { completeSettings, type StudentRun, type StudentSettings, trainStudent } from './support/students.ts'

// %% [markdown]
// ## Settings

// %%
const settings = commandLine({
  // generator, glue, a folder of CoLA's public release, or its zip.
  data: 'generator',
  // Models of experiment 1, one or several, each a folder or a name on the hub; none: with the generator the embedded
  // GPT-2, and the same from random weights (`random`); else GPT-2 and GPT-2 medium.
  model: [],
  // A teacher from elsewhere, in place of experiment 1: a classifier's folder, or a base model and an adapter of PEFT's
  // on it, which shows its hidden states too; a file of logits, which spares asking it for them.
  teacher: '',
  adapter: '',
  teacherLogits: '',
  // Training sentences whose labels the student sees; 0: all, with the generator 300.
  labelled: 0,
  // A JSON file with the student's settings (examples/students).
  student: '',
  // Folder of the student's tokenizer; empty: the teacher's.
  tokenizer: '',
  // FOLDER:TENSOR whose rows the student's embedding starts from.
  embedding: '',
  // A file of unlabelled sentences that the teacher scores, its logits for them, and which share of them should be
  // called acceptable (0: as they are).
  transfer: '',
  transferLogits: '',
  transferShare: 0,
  seeds: 3,
  seed: 1,
  epochs: 10,
  // 0: those of the student's settings.
  studentEpochs: 0,
  device: 'cpu',
  out: outFolder('report'),
})
const { seed: firstSeed, out } = settings
const seeds = Array.from({ length: settings.seeds }, (_, i) => firstSeed + i)
const embedded = settings.data === 'generator'
const runs = join(out, 'runs')
const { signal } = stopSignal()
const device = settings.device as Device
const watch = consoleProgress()

/** A run that was stopped ends the script; the next start goes on there. */
function finished<Result>(result: Result | undefined): Result {
  if (result !== undefined) return result
  console.log(`\nstopped; start the same command again to go on (${runs})`)
  process.exit(130)
}

// %% [markdown]
// ## Data
//
// The best epoch is chosen on the validation rows; the held-out rows are scored once, at the end.

// %%
const data = await loadData(settings.data, firstSeed)
const labels = {
  validation: data.validation.map(({ label }) => label),
  heldOut: data.heldOut.rows.map(({ label }) => label),
}
console.log(
  `${data.name}: ${data.train.length} to train on, ${data.validation.length} to validate, ${data.heldOut.rows.length} of ${data.heldOut.name}\n`,
)

// %% [markdown]
// ## Experiment 1: GPT-2 with LoRA
//
// Each run is made once and kept under its settings in out/report/runs.
// Offline there are two: the embedded model, and the same from random weights.

// %%
interface TeacherRun {
  parameters: { total: number; trainable: number; reduction: number }
  history: EpochLog[]
  best: number
  seconds: number
  validation: number[]
  heldOut: number[]
}
/** A teacher from elsewhere. */
const given = settings.teacherLogits || settings.teacher
const defaultModels = given
  ? []
  : embedded
    ? [embeddedModel, 'random']
    : ['openai-community/gpt2', 'openai-community/gpt2-medium']
const models = settings.model.length ? settings.model : defaultModels
const nameOf = (model: string): string =>
  model === embeddedModel
    ? 'embedded'
    : model === 'random'
      ? 'from random weights'
      : (model.split('/').filter(Boolean).at(-1) ?? model)
const tuning = {
  epochs: settings.epochs,
  batch_size: 128,
  learning_rate: embedded ? 5e-3 : 1e-3,
  lr_scheduler_type: embedded ? ('linear' as const) : ('constant' as const),
}
const teachers: { name: string; folder: string; run: TeacherRun }[] = []
for (const [i, model] of models.entries()) {
  console.log(`experiment 1: ${nameOf(model)}`)
  const folder = join(out, `teacher-${i + 1}`)
  const record = { model, data: settings.data, epochs: settings.epochs, seed: firstSeed }
  const run = await once<TeacherRun>(runs, `teacher-${i + 1}`, record, async (output_dir) => {
    const pretrained = await loadPretrained(model === 'random' ? embeddedModel : model, {
      num_labels: 2,
      seed: firstSeed,
    })
    const base =
      model === 'random'
        ? gpt2(pretrained.config, randomGpt2(pretrained.config, { seed: firstSeed }))
        : pretrained.model
    const injected = lora(base, reportLora, { seed: firstSeed })
    const max_length = longestInput(pretrained.config, pretrained.tokenizer)
    const rows = (split: typeof data.train) => encodeRows(pretrained.tokenizer, split, { max_length }).rows
    const started = performance.now()
    const result = await finetune({
      model: injected,
      train: rows(data.train),
      validation: rows(data.validation),
      heldOut: rows(data.heldOut.rows),
      device,
      ...tuning,
      seed: firstSeed,
      output_dir,
      resume: true,
      signal,
      callbacks: watch,
    })
    if (result.stopped === 'aborted') return undefined
    const trained = withParameters(injected, result.parameters)
    writeAdapter(join(folder, 'adapter'), trained, { baseModel: model })
    exportMerged(merge(trained), {
      folder: join(folder, 'classifier'),
      config: pretrained.config,
      tokenizerFolder: pretrained.files,
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

// %% [markdown]
// ## The teacher of experiment 2
//
// The best of experiment 1 by validation MCC, another classifier's folder, or a file of logits. It is asked once for
// each sentence.

// %%
const best = [...teachers].sort(
  (a, b) =>
    matthewsCorrelation(b.run.validation, labels.validation) - matthewsCorrelation(a.run.validation, labels.validation),
)[0]
const transfer = settings.transfer ? await readTexts(settings.transfer) : embedded ? unlabelled(firstSeed, data) : []
/** Logits from files: of the training sentences, and of the unlabelled ones by their texts. */
async function logitsFromFiles(): Promise<Teacher['logits']> {
  const given = [settings.teacherLogits, settings.transferLogits].filter((file) => file !== '')
  const [own, other] = (await Promise.all(given.map((file) => teacherFromFile(file)))) as [Teacher, Teacher | undefined]
  const said = other && (await other.logits({ name: 'transfer', texts: transfer }))
  const rows = new Map(transfer.map((text, i) => [text, said?.slice(2 * i, 2 * i + 2) ?? []]))
  return async (split: Split) =>
    split.name === 'transfer'
      ? Float32Array.from(split.texts.flatMap((text) => [...(rows.get(text) ?? [])]))
      : own.logits(split)
}
async function teacherOf(): Promise<Teacher> {
  const logits = settings.teacherLogits ? { logits: await logitsFromFiles() } : {}
  if (settings.adapter) return { ...(await adaptedTeacher(settings.teacher, settings.adapter, { device })), ...logits }
  if (logits.logits) return { logits: logits.logits }
  const classifier = settings.teacher || (best && join(best.folder, 'classifier'))
  if (!classifier) throw new Error('no teacher: give --model, --teacher or --teacher-logits')
  return teacherFromClassifier(await loadClassifier(classifier, { device }))
}
const cache = join(out, 'teacher')
const teacher = await teacherOf()
const share = settings.transferShare
const chosenTransfer = share
  ? balanced(await cachedTeacher(teacher, { folder: cache }).logits({ name: 'transfer', texts: transfer }), share).map(
      (i) => transfer[i] as string,
    )
  : transfer

// %% [markdown]
// ## Experiment 2: the student
//
// With the teacher and without, the same seeds and as many steps for both.

// %%
const small: StudentSettings = { config: { embedding_size: 128, hidden_size: 128 }, batch_size: 32, transfer: true }
const asked = settings.student
  ? (JSON.parse(readFileSync(settings.student, 'utf8')) as {
      common?: StudentSettings
      with?: StudentSettings
      without?: StudentSettings
    })
  : {}
const labelled = data.train.slice(0, settings.labelled || (embedded ? 300 : data.train.length))
const shared: StudentSettings = {
  ...reportTraining,
  ...(embedded && !settings.student ? small : {}),
  ...asked.common,
}
const epochs = settings.studentEpochs || asked.with?.epochs || (shared.epochs as number)
const withTeacher: StudentSettings = { ...shared, ...asked.with, epochs }
const stepsOf = (sentences: number): number => Math.ceil(sentences / (withTeacher.batch_size as number))
const steps = epochs * stepsOf(labelled.length + (withTeacher.transfer ? chosenTransfer.length : 0))
/** As many steps without a teacher, unless the file says how many epochs. */
const alone = Math.max(1, Math.round(steps / stepsOf(labelled.length)))
const settingsOf = (which: 'with' | 'without'): StudentSettings =>
  which === 'with' ? withTeacher : { ...shared, epochs: alone, ...asked.without, transfer: false }
const embedding = settings.embedding || undefined
const studentData = {
  splits: { ...data, train: labelled },
  tokenizer: settings.tokenizer || (best ? join(best.folder, 'classifier') : embeddedModel),
  embedding,
  names: embedded ? { train: 'train', transfer: 'transfer' } : { train: 'in_domain_train', transfer: 'transfer' },
  transfer: chosenTransfer,
}
const students: Record<'with' | 'without', StudentRun[]> = { with: [], without: [] }
for (const seed of seeds) {
  for (const which of ['without', 'with'] as const) {
    const own = settingsOf(which)
    console.log(`experiment 2: student ${which} distillation, seed ${seed}`)
    const record = {
      settings: own,
      seed,
      data: settings.data,
      teacher: given || best?.run.best,
      tokenizer: studentData.tokenizer,
      embedding,
      labelled: labelled.length,
      transfer: chosenTransfer.length,
    }
    const run = await once<StudentRun>(runs, `student-${which}-${seed}`, record, (output_dir) =>
      trainStudent({
        data: studentData,
        settings: own,
        teacher: which === 'with' ? teacher : undefined,
        seed,
        device,
        output_dir,
        cache_dir: cache,
        signal,
        callbacks: { ...watch, onEpoch: (log) => log.best && watch.onEpoch?.(log) },
      }),
    )
    students[which].push(finished(run))
  }
}

// %% [markdown]
// ## Figures
//
// Accuracy and loss against epoch, of each model and of the student with and without.

// %%
const majorityShare = majorityBaseline(labels.validation)
const subjects = [
  ...teachers.map(({ name, run }) => ({
    ...{ title: `GPT-2 (${name}) with LoRA`, history: run.history },
    loss: 'cross-entropy, training and validation',
  })),
  ...(['with', 'without'] as const).map((which) => ({
    ...{ title: `Student ${which} distillation, seed ${firstSeed}`, history: students[which][0]?.history ?? [] },
    loss:
      which === 'with'
        ? 'that of distillation in training, cross-entropy in validation'
        : 'cross-entropy, training and validation',
  })),
]
const figures = subjects.flatMap(({ title, history, loss }, i) =>
  (['accuracy', 'loss'] as const).map((quantity, k) => {
    const number = 2 * i + k + 1
    const name = `figure-${number}`
    const inWords = drawCurve(out, quantity, history, { title, name, majority: majorityShare })
    const said =
      quantity === 'accuracy'
        ? `Accuracy against epoch, training and validation; dotted, validation's majority class (${percent(majorityShare)})`
        : `Loss against epoch: ${loss}`
    return `${image(inWords, `${name}.svg`)}\n\n${caption(`Figure ${number}. ${title}. ${said}.`)}`
  }),
)

// %% [markdown]
// ## Tables
//
// Scores, confusion matrices, and the two kinds of students against each other: McNemar's test and a paired bootstrap.

// %%
let tables = 0
const table = (title: string, text: string): string => `${caption(`Table ${++tables}. ${title}.`)}\n\n${text}`
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
    `${spread(
      list.map(({ seconds }) => seconds),
      (x) => x.toFixed(0),
    )} s`,
  ]
}

const pairs = (split: 'validation' | 'heldOut'): Pairs => ({
  without: students.without.map((run) => run[split].predictions),
  with: students.with.map((run) => run[split].predictions),
  truth: labels[split],
})
const outcome = [verdict('validation', pairs('validation')), verdict(data.heldOut.name, pairs('heldOut'))].join('\n\n')

const chosenShare = share ? `, of which the teacher calls ${percent(share)} acceptable` : ''
const learned = `The student learns from the labels of ${labelled.length} sentences`
const transferred =
  chosenTransfer.length && withTeacher.transfer
    ? `${learned}, with distillation also from ${chosenTransfer.length} unlabelled ones${chosenShare}, which the teacher scores. `
    : `${learned}. `
const studentSettings = {
  'with distillation': completeSettings(settingsOf('with'), { teacher: true, embedding }),
  'without distillation': completeSettings(settingsOf('without'), { teacher: false, embedding }),
}
const loraSettings = {
  ...{ rank: reportLora.r, alpha: reportLora.lora_alpha, dropout: reportLora.lora_dropout },
  ...{ target_modules: reportLora.target_modules, also_trained: reportLora.modules_to_save },
}

// %% [markdown]
// ## The document

// %%
const report = `# Fine-tuning GPT-2 with LoRA, and distilling it into a small RNN

${data.name}: ${data.train.length} sentences to train on, ${data.validation.length} to validate (the best epoch is chosen by validation MCC), ${data.heldOut.rows.length} of ${data.heldOut.name}, scored once at the end.
Seeds ${seeds.join(', ')}. One standard error of an accuracy near 70% is ${percent(Math.sqrt((0.7 * 0.3) / labels.validation.length))} on validation.

## Experiment 1: LoRA

${
  teachers.length === 0
    ? `Not run: the teacher was given (${given}).`
    : [
        table(
          'Settings',
          settingsTable({ 'GPT-2 with LoRA': { ...loraSettings, optimizer: 'Adam', ...tuning, seed: firstSeed } }),
        ),
        table(
          'Parameters',
          markdownTable(
            ['', 'total parameters', 'trainable', 'reduction'],
            teachers.map(({ name, run: { parameters } }) => [
              name,
              millions(parameters.total),
              millions(parameters.trainable),
              percent(parameters.reduction),
            ]),
          ),
        ),
        table(
          'Scores of the best epoch',
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
        ),
        ...teachers.map(({ name, run }) =>
          table(`Confusion matrix of GPT-2 (${name}), validation`, matrixOf(run.validation)),
        ),
      ].join('\n\n')
}

## Experiment 2: the student

${transferred}The teacher is ${
  best ? `GPT-2 (${best.name}), the better of experiment 1 by validation MCC` : `given (${given})`
}.

${table('Settings of the student', settingsTable(studentSettings))}

${table(
  'Scores of the best epoch, mean \u00b1 standard deviation over seeds',
  markdownTable(
    ['', 'validation accuracy', 'MCC', `${data.heldOut.name} accuracy`, 'MCC', 'steps', 'time a run'],
    [
      ['majority class', ...majority(labels.validation), ...majority(labels.heldOut), '', ''],
      studentRow('without'),
      studentRow('with'),
    ],
  ),
)}

${table(
  'With distillation against without',
  markdownTable(comparisonHeader, [
    ...comparison('validation', pairs('validation')),
    ...comparison(data.heldOut.name, pairs('heldOut')),
  ]),
)}

${outcome}

${(['with', 'without'] as const)
  .map((which) =>
    table(
      `Confusion matrix of the student ${which} distillation, first seed, validation`,
      matrixOf(students[which][0]?.validation.predictions ?? []),
    ),
  )
  .join('\n\n')}

## Figures

${figures.join('\n\n')}
`
await writeReport(out, 'LoRA and distillation', report)
console.log(`\n${outcome.replaceAll('**', '')}\nwrote report.md, report.html and ${figures.length} figures to ${out}`)
