// An adapter that training goes on from. Loaded where there is one.

import type { Source } from '@cola/data'
import type { Adapter } from '../adapter/files.ts'
import { requireFiles } from '../adapter/require-files.ts'
import { loadAdapter } from '../adapter/load.ts'
import { bareName } from '../adapter/names.ts'
import type { AdaptedModel, HeadedModel } from '../inject/adapted-model.ts'
import { type Head, isSameHead } from '../inject/head.ts'
import { forTask } from '../inject/saved.ts'
import { otherStart } from '../inject/start-tokens.ts'
import type { BaseModel } from '../load/base-model.ts'
import { peftPrefix } from '../methods/target.ts'
import { type BaseModelSource, isOpen, openBase } from '../load/base.ts'
import type { OnnxModelOptions } from '../onnx/open-options.ts'
import { otherQuantization } from '../onnx/other-quantization.ts'
import type { ProblemType } from '../tasks/problem-types.ts'
import type { Task, TaskType, TypesOfTask } from '../tasks/task.ts'
import { type HeadChoice, type GivenHead, headChoice, isHeadTask, logitsTensor } from './head-of-adapter.ts'
import { knownClasses, readsTheSame, withKnownRows } from './known-rows.ts'
import { namedForTask } from './names-for-task.ts'
import { otherHead, type OtherHead } from './other-head.ts'
import { isRegressionAgain, otherProblem, problemBefore, type ProblemSource } from './problem-before.ts'
import {
  openedAs,
  openedFrom,
  openSavedAdapter,
  quantizationOf,
  settingsOf,
  together,
  tokenizerOptionsOf,
  withChatTemplate,
} from './saved-adapter.ts'
import type { SavedSettings } from './save.ts'
import { inTrainedOrder, keptClasses, listed, otherOrder, recordedNames, requireNamedRows } from './trained-classes.ts'

/** Options that say a head and what its labels are. */
interface OptionsBefore extends HeadChoice {
  problem_type?: ProblemType
}

/** An adapter that was trained before. */
export interface TrainedBefore {
  readonly adapter: Adapter
  /** The base, whose tokenizer has the options that it had for the adapter, where none says otherwise. */
  readonly openBase: (source: BaseModelSource, open: OnnxModelOptions) => Promise<BaseModel>
  /** A run's settings, with what no option changes of those that the adapter was trained with. */
  readonly settings: <T extends TypesOfTask>(
    task: Task<T>,
    settings: T['settings'],
    options: T['options'],
  ) => T['settings']
  /**
   * Options of a task by the adapter's head and what it reads, unless others say what the head is; and its problem type,
   * where the rows are of it.
   */
  readonly options: (task: TaskType, options: object, base: BaseModel, rows: readonly object[]) => OptionsBefore
  /** Names of the classes of its head for a task, as far as files say them. */
  readonly labels: (task: TaskType, base: BaseModel) => readonly string[] | undefined
  /** A task's settings with the classes in the adapter's order, unless options say one. */
  readonly classes: <S extends object>(settings: S, task: TaskType, options: object, base: BaseModel) => S
  /**
   * A task's model with the adapter, as PEFT's `from_pretrained` with `is_trainable` gives it. The head starts anew where
   * the adapter has none for the same task, classes and pooling, layers of the adapter's head that the model lacks are
   * left out, and texts may begin with other tokens than they did; warnings say so.
   * @param found The settings as the rows have them, with no other classes.
   * @throws {AdapterError} as `loadAdapter` does: for what the adapter trained beside its head and the model lacks.
   * @throws {ConfigError} for a head of which nothing says what class each row is, where no option names classes.
   */
  readonly model: (
    model: HeadedModel,
    task: TaskType,
    base: BaseModel,
    options: object,
    settings: object,
    found: object,
  ) => AdaptedModel
  /** Runs what takes adapter and base. @throws {AdapterError} where it fails because the adapter is for another base. */
  readonly on: <R>(base: BaseModel, run: () => Promise<R>) => Promise<R>
}

/**
 * @param base What is given as its base, for errors.
 * @throws {ConfigError | FormatError | FileError | HubError | AdapterError} as `openAdapter` does.
 */
export async function trainedBefore(source: Source, base: BaseModelSource): Promise<TrainedBefore> {
  await requireFiles('fineTune, option adapter', source)
  const { adapter, saved, files } = await openSavedAdapter(source, { base, call: callWith('base') })
  const headFor = (task: TaskType, options: object, base: BaseModel): ProblemSource => {
    return { adapter, saved, base, choice: optionsFrom(adapter, task, options, base) }
  }
  return {
    adapter,
    async openBase(base, open) {
      const before = saved && !isOpen(base) ? { ...optionsBefore(saved), ...(await openedFrom(base, saved, open)) } : {}
      return withChatTemplate(await openBase(base, openedAs(before, open)), saved)
    },
    settings: (task, settings, options) =>
      saved?.task_type === task.taskType && task.continued
        ? task.continued(settings, options, settingsOf(saved, task, files))
        : settings,
    options(task, options, base, rows) {
      const head = headFor(task, options, base)
      const isOther = task !== 'SEQ_CLS' || (adapter.config.task_type ?? task) !== task
      const isAgain = !isOther && isRegressionAgain(head, options, rows)
      return { ...head.choice, ...(isAgain ? { problem_type: 'regression' } : {}) }
    },
    labels: (task, base) => recordedNames(adapter, base, headRows(adapter, task, base)),
    classes: (settings, task, options, base) =>
      inTrainedOrder(settings, options, adapter, base, headRows(adapter, task, base)),
    model(model, task, base, options, settings, found) {
      const { isKept, ...adapted } = fromAdapter(model, adapter, task, base, options)
      const changes = isKept ? otherProblem(problemBefore(headFor(task, options, base)), settings) : []
      const warnings = [...adapted.warnings, ...changes, ...keptClasses(settings, found)]
      const bits = saved && otherQuantization('the adapter', quantizationOf(saved), base.origin.quantization)
      return { ...adapted, warnings: bits === undefined ? warnings : [...warnings, bits] }
    },
    on: (base, run) => together({ adapter, base }, callWith, run),
  }
}

/** How the base was opened for an adapter, but for its place. */
const optionsBefore = (saved: SavedSettings): OnnxModelOptions => {
  const quantization = quantizationOf(saved)
  return { ...tokenizerOptionsOf(saved), ...(quantization ? { quantization } : {}) }
}

const callWith = (base: string): string => `fineTune(${base}, { adapter })`

function optionsFrom(adapter: Adapter, task: TaskType, options: object, base: BaseModel): HeadChoice {
  const { head: given, pooling }: GivenHead = options
  const { task_type } = adapter.config
  const isOther = task_type != null && task_type !== task
  if (!isHeadTask(task) || isOther || given || pooling !== undefined) return {}
  return headChoice(task, adapter, base)
}

/** Rows of the head that an adapter of a task has. */
function headRows(adapter: Adapter, task: TaskType, base: BaseModel): number {
  const { task_type } = adapter.config
  const isOther = task_type != null && task_type !== task
  return isHeadTask(task) && !isOther ? (logitsTensor(adapter, headChoice(task, adapter, base))?.[1].dims[0] ?? 0) : 0
}

/** The head that an adapter of a task was trained with: what neither its files nor transformers say is as in the model. */
function headBefore(
  head: Head | undefined,
  adapter: Adapter,
  task: TaskType,
  base: BaseModel,
  { head: given }: GivenHead,
): Head | undefined {
  if (adapter.head || !head || given || !isHeadTask(task)) return adapter.head
  const { head: layered, ...linear } = headChoice(task, adapter, base)
  return { ...head, ...(layered ?? linear) }
}

function fromAdapter(
  model: HeadedModel,
  opened: Adapter,
  task: TaskType,
  base: BaseModel,
  options: object,
): AdaptedModel & { isKept: boolean } {
  const other = otherHead(opened, model, base)
  const { head: trained, start_token_ids, ...all } = opened
  const found = { ...all, tensors: new Map([...all.tensors].filter(([file]) => !other?.tensors.has(file))) }
  const { head } = model
  const isOfHead = (name: string) => [head, trained].some((one) => one && name.startsWith(`${one.name}.`))
  const forTheTask: Adapter = { ...found, config: forTask(found.config, task) }
  const adapter = namedForTask(forTheTask, model.graph, (file) => isOfHead(bareName(file)))
  const fresh = [...model.graph.initializers].filter(([name]) => head && name.startsWith(`${head.name}.`))
  const others = [...adapter.tensors].filter(([name]) => !isOfHead(bareName(name)))
  const before = new Map([...adapter.tensors].map(([file, value]) => [bareName(file), value]))
  const kept = [...before.keys()].filter(isOfHead)
  const isFitting =
    kept.length === fresh.length && fresh.every(([name, { dims }]) => before.get(name)?.dims.join() === dims.join())
  const isOfTask = found.config.task_type == null || found.config.task_type === task
  const reads = headBefore(head, opened, task, base, options)
  const isAlike = isOfTask && !other && readsTheSame(head, reads)
  const isKept = isFitting && isAlike && isSameHead(head, reads)
  const count = isKept ? (head?.num_labels ?? 0) : headRows(opened, task, base)
  const names = recordedNames(opened, base, count)
  const known = isAlike ? knownClasses(head, names) : new Map<string, number>()
  const first = known.size > 0 ? withKnownRows(fresh, before, head?.labels ?? [], known) : fresh
  const tensors = new Map([...others, ...first.map(([name, value]) => [peftPrefix + name, value] as const)])
  const loaded = loadAdapter(model, isKept ? adapter : { ...adapter, tensors })
  if (isAlike && known.size === 0 && count > 1) requireNamedRows(head?.labels, options, opened, base, count)
  const ofOthers = isAlike ? 'the adapter has none of these classes' : "the adapter's reads texts otherwise"
  const cause = isOfTask && !other ? ofOthers : 'the adapter has none for this task'
  const changes = [
    ...(isKept ? otherOrder(head?.labels, opened, base) : [headChange(head, trained, other, known, names, cause)]),
    ...startChanges(model, start_token_ids),
  ]
  return { ...loaded, warnings: [...loaded.warnings, ...changes], isKept }
}

function headChange(
  head: Head | undefined,
  trained: Head | undefined,
  other: OtherHead | undefined,
  known: ReadonlyMap<string, number>,
  names: readonly string[] = [],
  cause: string,
): string {
  if (!head) return `the adapter's head "${trained?.name ?? other?.name}" is left out: the model has none`
  if (known.size === 0) {
    const { labels = [] } = head
    const before = trained?.labels ?? names
    const anew = labels.length > 0 ? ` for ${listed(labels)}` : ''
    return `the head "${head.name}" starts anew${anew}: ${cause}${before.length > 0 ? `; it has ${listed(before)}` : ''}`
  }
  const added = head.labels?.filter((label) => !known.has(label)) ?? []
  const anew = added.length > 0 ? `, and starts anew for ${listed(added)}` : ''
  const lost = names.filter((label) => !known.has(label))
  const without = lost.length > 0 ? `; it has no more ${listed(lost)}` : ''
  return `the head "${head.name}" keeps its rows for ${listed([...known.keys()])}${anew}${without}`
}

const startChanges = (model: HeadedModel, trained: readonly number[] | undefined): string[] => {
  const other = otherStart(model, trained)
  return other ? [other.message] : []
}
