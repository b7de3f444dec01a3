// Fine-tuning: the plan, the run with its checkpoints, and what comes of it.

import { divideRows, encodeTexts, type FileStore } from '@cola/data'
import { countParameters, fineTune, type FineTuned, withAdapter } from '@cola/lora'
import type { EpochLog } from '@cola/train'
import type { EpochPoint, OpenRun, Plan, Row, RunRequest, Told, TrainSettings } from '../messages.ts'
import type { OpenModel } from './models.ts'
import { headed } from './serving.ts'

const seed = 42

/** Fewer rows of a class leave none to hold out. */
const fewest = 4

/** Optimizer steps between checkpoints: what a closed tab loses at most. */
const saveSteps = 10

/** The classes of rows, in the order of their names. */
const classesOf = (rows: readonly Row[]): string[] => [...new Set(rows.map(({ label }) => label))].sort()

/** Rows to train on and rows held out, none where a class has too few. */
export function splitOf({ rows, settings }: Omit<RunRequest, 'name'>) {
  const enough = classesOf(rows).every((label) => rows.filter((row) => row.label === label).length >= fewest)
  return divideRows(rows, enough && settings.heldOut > 0 ? settings.heldOut : undefined, seed)
}

const adapterOf = ({ rank }: TrainSettings) =>
  ({ task_type: 'SEQ_CLS', r: rank, lora_alpha: 2 * rank, target_modules: 'all-linear' }) as const

/** What a training would do, without doing it. @throws {DataError | ConfigError} for rows and settings. */
export function planOf({ base }: OpenModel, { rows, settings }: Omit<RunRequest, 'name'>): Plan {
  const { train, validation } = splitOf({ rows, settings })
  const labels = classesOf(rows)
  const model = withAdapter(headed(base, labels.length), adapterOf(settings), { seed })
  const { trainable, total } = countParameters(model)
  const { max_length, vocab_size, tokenizer } = base
  const { truncated } = encodeTexts(
    tokenizer,
    rows.map(({ text }) => text),
    { max_length, vocab_size },
  )
  const size = (list: readonly { label: string }[], label: string) => list.filter((row) => row.label === label).length
  const classes = labels.map((label) => ({ label, train: size(train, label), heldOut: size(validation, label) }))
  const sizes = classes.map((one) => one.train + one.heldOut)
  const notes: string[] = []
  if (validation.length === 0 && settings.heldOut > 0)
    notes.push(
      `No rows are held out: a class has fewer than ${fewest}. How good it is on new texts, nobody knows then.`,
    )
  if (Math.max(...sizes) > 5 * Math.min(...sizes))
    notes.push('Some classes have far more rows than others: it will lean towards them.')
  if (truncated > rows.length / 10)
    notes.push('Many rows are longer than this model reads. What they say at their end is not seen; MiniLM reads more.')
  return {
    total,
    trainable,
    classes,
    truncated,
    max_length,
    steps: settings.epochs * Math.ceil(train.length / settings.batch_size),
    notes,
  }
}

export interface RunControl {
  signal: AbortSignal
  /** Awaited after each step: lets messages in, and pauses. */
  between: () => Promise<void>
  tell: (told: Told) => void
  /** Where checkpoints lie; a run that lies there is taken up. */
  store: FileStore
  /** Kept beside the checkpoint, so that a reloaded page can go on. */
  remember: (progress: Pick<OpenRun, 'step' | 'total_steps'>) => Promise<void>
}

/** Trains, or takes a run up where its checkpoint left it. */
export async function trainAdapter(
  { base }: OpenModel,
  { rows, settings, frozenProducts }: OpenRun,
  device: TrainSettings['device'],
  { signal, between, tell, store, remember }: RunControl,
): Promise<FineTuned> {
  const { train, validation } = splitOf({ rows, settings })
  const { epochs, learning_rate, batch_size } = settings
  const history = historyOf(store)
  let total_steps = 0
  return fineTune(base.files, {
    train: [...train],
    ...(validation.length ? { validation: [...validation] } : {}),
    labels: classesOf(rows),
    lora: adapterOf(settings),
    epochs,
    learning_rate,
    batch_size,
    seed,
    device,
    frozenProducts,
    output_dir: store,
    save_steps: saveSteps,
    resume: true,
    signal,
    callbacks: {
      onTrainBegin: ({ total_steps: all, resumed_from }) => {
        total_steps = all
        tell({ event: 'begin', total_steps, resumed_from, history: history.filter(({ step }) => step <= resumed_from) })
      },
      onStep: async (log) => {
        tell(log)
        await between()
      },
      onEpoch: (log) => tell({ event: 'epoch', ...pointOf(log) }),
      onSave: ({ step }) => {
        void remember({ step, total_steps })
        tell({ event: 'saved', step })
      },
      onWarning: ({ message }) => tell({ event: 'warning', message }),
    },
  })
}

const pointOf = ({ epoch, step, train_loss, eval_loss, train_metrics, eval_metrics, best }: EpochLog): EpochPoint => ({
  epoch,
  step,
  train_loss,
  eval_loss,
  train_accuracy: train_metrics.accuracy,
  eval_accuracy: eval_metrics.accuracy,
  best,
})

/** The epochs of the log of a run that is taken up. */
function historyOf(store: FileStore): EpochPoint[] {
  if (!store.has('log.jsonl')) return []
  return new TextDecoder()
    .decode(store.read('log.jsonl'))
    .split('\n')
    .flatMap((line) => {
      try {
        const log = JSON.parse(line) as { event: string }
        return log.event === 'epoch' ? [pointOf(log as EpochLog)] : []
      } catch {
        return [] // The last line, cut off when the page was left.
      }
    })
}
