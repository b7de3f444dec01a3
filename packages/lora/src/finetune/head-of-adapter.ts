// Which head an adapter was trained with: PEFT's files say it by the names of their tensors.

import type { Files } from '@cola/data'
import type { Tensor } from '@cola/graph'
import type { Adapter } from '../adapter/files.ts'
import { bareName } from '../adapter/names.ts'
import { AdapterError, ConfigError } from '../errors.ts'
import { type Pooling, poolings } from '../inject/head.ts'
import type { BaseModel } from '../load/base-model.ts'
import { adaptedModule } from '../methods/methods.ts'
import { type HeadOption, type LayeredHead, layered } from '../tasks/head-option.ts'
import { type HeadTask, transformersHead } from '../tasks/transformers-heads.ts'

/** What says which head a model has; for a linear layer, what it reads. */
export interface HeadChoice {
  head?: LayeredHead
  pooling?: Pooling
}

/** The options of tasks that say it. */
export interface GivenHead {
  head?: HeadOption
  pooling?: Pooling
}

/** Whether a task has a head that classifies. */
export const isHeadTask = (task: string | null | undefined): task is HeadTask =>
  task === 'SEQ_CLS' || task === 'TOKEN_CLS'

/** Whether the head that was recorded, if one was, reads what heads of a task read. */
const isHeadFor = (task: HeadTask, { head }: Adapter): boolean =>
  !head || (head.pooling === 'none') === (task === 'TOKEN_CLS')

/** @throws {AdapterError} for a head that was recorded, and reads what those of another task read. */
export function requireHeadFor(task: HeadTask, adapter: Adapter, { where }: Files): void {
  if (isHeadFor(task, adapter)) return
  const [expected, other] = task === 'TOKEN_CLS' ? [['none'], 'SEQ_CLS'] : [poolings, 'TOKEN_CLS']
  throw new AdapterError({
    where: `${where}, head_config.json, field "pooling"`,
    what: 'a head of another task',
    expected: expected.map((name) => JSON.stringify(name)).join(', '),
    found: JSON.stringify(adapter.head?.pooling),
    fix: `Write loadFineTuned(folder, { task: '${other}' }).`,
  })
}

const namesOf = ({ tensors }: Adapter): Set<string> => new Set([...tensors.keys()].map(bareName))

/**
 * What is known of an adapter's head without being asked: what was recorded, else transformers' class for the model type
 * where the adapter has that class's tensors. Nothing for an encoder whose class is not known.
 */
export function headChoice(task: HeadTask, adapter: Adapter, base: BaseModel): HeadChoice {
  const recorded = isHeadFor(task, adapter) ? adapter.head : undefined
  const names = namesOf(adapter)
  if (recorded?.layers) {
    const { name, pooling, layers } = recorded
    return { head: { name, pooling, layers, bias: names.has(`${name}.bias`) } }
  }
  if (recorded) return recorded.pooling === 'none' ? {} : { pooling: recorded.pooling }
  if (base.causal) return task === 'SEQ_CLS' ? { pooling: 'last' } : {}
  const head = transformersHead(base.config, task)
  return head && names.has(`${head.name}.weight`) ? { head } : {}
}

/**
 * {@link headChoice}, where options may say more.
 * @throws {ConfigError} for `pooling` where the head is known to read texts in another way.
 */
export function headOptions(task: HeadTask, adapter: Adapter, options: GivenHead, base: BaseModel): HeadChoice {
  const given = layered(options.head)
  const choice = given ? { head: given } : headChoice(task, adapter, base)
  if (given || task === 'TOKEN_CLS' || options.pooling === undefined) return choice
  if (isKnown(choice, adapter) && choice.head?.pooling === options.pooling) return choice
  requirePooling(options.pooling, choice, adapter, base)
  return { pooling: options.pooling }
}

/** Whether an adapter has the layers of a head, or says what they are: without them it may be of a linear head. */
const isKnown = ({ head }: HeadChoice, adapter: Adapter): boolean => {
  const names = namesOf(adapter)
  return adapter.head !== undefined || head?.layers.every(({ module }) => names.has(`${module}.weight`)) === true
}

/** How to say that a head is a linear layer on pooled states, whose names are those of a class of transformers'. */
const linearHead = (pooling: Pooling, causal: boolean): string =>
  `head: { name: '${causal ? 'score' : 'classifier'}', bias: ${!causal}, pooling: '${pooling}', layers: [] }`

/** @throws {ConfigError} for a pooling that is not the head's, or beside the layers that a head has. */
function requirePooling(
  pooling: Pooling,
  { head, pooling: known }: HeadChoice,
  adapter: Adapter,
  { config, causal }: BaseModel,
): void {
  if (!head && (known === undefined || known === pooling)) return
  const layers = head?.layers.map(({ module }) => module) ?? []
  const own = `'${head?.pooling ?? known}'${layers.length > 0 ? `, through ${layers.join(', ')}` : ''}`
  throw new ConfigError({
    where: 'loadFineTuned, option pooling',
    what: adapter.head
      ? 'the adapter has a head that reads texts in another way'
      : `transformers' class for ${config.model_type}, of which the adapter's head is, has its own`,
    expected: own,
    found: `'${pooling}'${head?.pooling === pooling ? ' alone' : ''}`,
    fix: adapter.head
      ? 'Leave it out.'
      : `Leave it out; or, for a linear head of your own on pooled states, say ${linearHead(pooling, causal)}.`,
  })
}

/** @throws {ConfigError} for an encoder of which nothing says where its head reads a text. */
export function requireReading({ head, pooling }: HeadChoice, { where }: Files, { causal, config }: BaseModel): void {
  if (causal || head || pooling !== undefined) return
  const known = transformersHead(config)
  throw new ConfigError({
    where: 'loadFineTuned, option pooling',
    what: known
      ? `missing: the adapter's head is not that of transformers' class for ${config.model_type}, ${known.name}`
      : 'missing: neither the adapter nor the model type says what the head reads',
    expected: "'mean', or 'first' for a head on the first token's last hidden state",
    found: where,
    fix: "A head of another class of transformers': export that class, and load the adapter with loadAdapter.",
  })
}

/** The tensor of the logits in an adapter's file, with its name; undefined for an adapter without the head. */
export function logitsTensor({ tensors }: Adapter, { head }: HeadChoice): readonly [string, Tensor] | undefined {
  const wanted = (head ? [head.name] : ['score', 'classifier']).map((name) => `${name}.weight`)
  return [...tensors].find(([name]) => wanted.includes(bareName(name)))
}

/**
 * The matrix of the logits, [classes, width].
 * @throws {AdapterError} for an adapter without the head.
 */
export function logitsWeight(
  task: HeadTask,
  { adapter, files: { where } }: { adapter: Adapter; files: Files },
  choice: HeadChoice,
  base: BaseModel,
): Tensor {
  const found = logitsTensor(adapter, choice)
  if (found) return requireMatrix(...found)
  const { tensors, config } = adapter
  const known = base.causal ? 'score' : transformersHead(base.config, task)?.name
  const usual = choice.head?.name ?? known ?? 'classifier'
  const saved = [...tensors.keys()].filter((name) => adaptedModule(name) === undefined).map(bareName)
  throw new AdapterError({
    where,
    what: 'the adapter has no head for this task',
    expected:
      `a tensor ${usual}.weight` +
      `${known ? `, as transformers' class for ${base.config.model_type} has it` : ''} (PEFT saves it with modules_to_save)`,
    found: saved.slice(0, 6).join(', ') || `${tensors.size} tensors, of ${[...tensors.keys()][0]} and others`,
    fix: saved.length > 0 ? ofAnotherModel : withoutHead(config.task_type ? task : undefined, base.causal),
  })
}

const ofAnotherModel =
  'Open the base that it was trained on; or build what it was trained on: withHead, loadAdapter, merge.'

/** What to do about an adapter of the layers alone. @param task The task that it names. */
const withoutHead = (task: HeadTask | undefined, causal: boolean): string =>
  (task ? '' : `The adapter names no task; if it is of another one, say so: task: ${headless(causal)}. `) +
  "A head that was not saved is lost, or the base's own, which is not read here: train with task_type " +
  `'${task ?? 'SEQ_CLS'}', by which PEFT saves it.`

const headless = (causal: boolean): string =>
  `${causal ? "'CAUSAL_LM' for a language model, or " : ''}'FEATURE_EXTRACTION' for embeddings`

/** @throws {AdapterError} for a tensor that is no matrix with a row for each class. */
function requireMatrix(name: string, tensor: Tensor): Tensor {
  if (tensor.dims.length === 2 && tensor.dims[0] !== 0) return tensor
  throw new AdapterError({
    where: `adapter tensor "${name}"`,
    what: 'not the matrix of a head',
    expected: '[classes, width]',
    found: `[${tensor.dims.join(', ')}]`,
  })
}
