// Opens a language model for generation from names: a base, and adapters that each call chooses from.

import { type Source, sourceChecks, type SourceOptions, type Tokenizer } from '@cola/data'
import { type Checks, checkValue, object, oneOf, optionsIn, text } from '@cola/graph/options'
import { defaultDevice, type Device } from '@cola/train'
import type { Adapter } from '../adapter/files.ts'
import { isAdapter } from '../adapter/is-adapter.ts'
import { requireFiles } from '../adapter/require-files.ts'
import { switchable } from '../adapter/switch.ts'
import { ConfigError } from '../errors.ts'
import { accuracyLevels, type DecoderOptions, openDecoder } from '../generate/decoder.ts'
import { type Generator, generatorOf, type TokenFormat, tokenFormat } from '../generate/generator.ts'
import { endTokens } from '../generate/special-tokens.ts'
import { textFormat } from '../generate/text-format.ts'
import { openWholeTexts } from '../generate/whole-texts.ts'
import { type BaseModelSource, isOpen, openBase } from '../load/base.ts'
import type { BaseModel } from '../load/base-model.ts'
import { type OnnxModelOptions, quantizationCheck } from '../onnx/open-options.ts'
import { isSameQuantization } from '../onnx/other-quantization.ts'
import type { Quantization } from '../onnx/quantization.ts'
import type { TaskTypes } from '../tasks/task.ts'
import { taskOf } from '../tasks/tasks.ts'
import { isSource } from './options.ts'
import { checkKnown } from './check-known.ts'
import { openWith } from './open-with.ts'
import {
  openedAs,
  openedFrom,
  openSavedAdapter,
  quantizationOf,
  requireTask,
  type SavedAdapter,
  settingsOf,
  together,
  tokenizerOptionsOf,
  warnOfBits,
  withChatTemplate,
} from './saved-adapter.ts'
import { withSharedTemplate } from './shared-template.ts'

/** Options of {@link openGenerator}; those of sources are for adapters. @typeParam A Names of the adapters. */
export interface OpenGeneratorOptions<A extends string = string> extends SourceOptions, DecoderOptions {
  /**
   * Adapters by the names that calls choose them by: what `save` or PEFT wrote, as folder, name on the hub, address or
   * files, or one that is open. @default none
   */
  adapters?: Readonly<Record<A, Source | Adapter>>
  /** @default 'cpu' in Node, 'wasm' in a browser */
  device?: Device
  /**
   * Quantize the linear layers of the base when it is opened, as in `fineTune`; null: not.
   * @default as in the training of the adapters that `save` wrote, where they agree; else none
   */
  quantization?: Quantization | null
  /** How the base is opened. */
  open?: OnnxModelOptions
  /**
   * Told of adapters that were trained on a base in other bits than it is opened in, and when a browser stores nothing.
   * @default not
   */
  onWarning?: (warning: { message: string }) => void
}

/** A generator with the tokenizer of its base. @typeParam A Names of the adapters. */
export interface OpenedGenerator<A extends string = string> extends Generator<A> {
  /** The base's tokenizer, which counts the tokens of a prompt. */
  readonly tokenizer: Tokenizer
}

const [expected, isObject] = object
const ownChecks: Checks<Omit<OpenGeneratorOptions, keyof SourceOptions>> = {
  adapters: [expected, isObject, () => 'Name each: { name: adapter }.'],
  device: text,
  accuracy_level: oneOf(accuracyLevels),
  quantization: quantizationCheck,
  open: object,
}
const checks: Checks<OpenGeneratorOptions> = { ...sourceChecks, ...ownChecks }

/** An adapter with what was saved beside it; of one that is open nothing is known. */
type Opened = Pick<SavedAdapter, 'adapter'> & Partial<SavedAdapter>

/**
 * Opens a language model that continues texts and answers conversations, each call with the adapter that it names, in
 * one session. Texts of an adapter that `save` wrote begin, end and are templated as in its training, unless `open` says
 * otherwise; a base without a chat template takes that of its adapters, where they have one. A base without a cache of
 * keys and values reads the whole text for each token.
 * @param source Folder or hub name of a decoder in ONNX or of GPT-2's weights, or an opened model.
 * @throws {ConfigError} for an option that is unknown or out of its range, and an adapter of another task;
 * {AdapterError} naming the adapter that does not fit the base, or cannot be switched; what `openBase` and `openAdapter`
 * throw; {DeviceError} when the device is not available.
 */
export async function openGenerator<A extends string = string>(
  source: BaseModelSource,
  options: OpenGeneratorOptions<A> = {},
): Promise<OpenedGenerator<A>> {
  requireBase(source)
  await checkKnown('openGenerator', options, checks, 'ofOpen')
  const { adapters = {}, device = defaultDevice(), accuracy_level = 0, quantization } = options
  const open = await openWith('openGenerator', options.open, quantization)
  const warnOf = (name: string, { saved }: Opened, onWarning = options.onWarning) =>
    warnOfBits(`adapter "${name}"`, saved, base, (message) => onWarning?.({ message }))
  const opened = await openAll(adapters, source, optionsIn(sourceChecks, options))
  const [first] = [...opened.values()].flatMap(({ saved }) => saved ?? [])
  const base = isOpen(source)
    ? await openBase(source, open)
    : await openBase(source, openedAs({ ...before(opened), ...(await openedFrom(source, first, open)) }, open))
  for (const [name, one] of opened) await warnOf(name, one)
  const templated = await withSharedTemplate(base, opened)
  const formats = await formatsOf(templated, opened)
  const { cached, model, switched } = await modelWith<A>(base, opened)
  const { graph } = switched ?? model
  const inputs = Object.keys(switched?.feeds() ?? {})
  const decoder = cached
    ? await openDecoder(graph, device, inputs, { accuracy_level })
    : await openWholeTexts(graph, base.batches(model.graph), device, inputs, { accuracy_level })
  const limits = { vocab_size: base.vocab_size, max_length: base.max_length }
  const generator = generatorOf({
    decoder,
    switched,
    limits,
    formatOf: (adapter) => formats.get(adapter) as TokenFormat,
    loadAdapter: async (name, one, given, commit) => {
      const later = await openOne(name, one, base, given, 'loadAdapter, adapter')
      await warnOf(name, later, given.onWarning)
      const format = await formatOf(templated, later)
      const { adapter } = later
      await together(
        { adapter, base, name },
        (other) => callWith(name, other),
        async () =>
          commit(() => {
            switched?.loadAdapter(name, adapter)
            formats.set(name, format)
          }),
      )
    },
    deleteAdapter: (name) => {
      switched?.deleteAdapter(name)
      formats.delete(name)
    },
  })
  return Object.assign(generator, { tokenizer: templated.tokenizer })
}

const callWith = (name: string, base: string): string => `openGenerator(${base}, { adapters: { ${name}: adapter } })`

/** The language model, and one with the adapters as inputs. @throws {AdapterError} for an adapter of another base. */
async function modelWith<A extends string>(base: BaseModel, opened: OpenedAdapters) {
  const byName = Object.fromEntries(Array.from(opened, ([name, { adapter }]) => [name, adapter])) as Record<A, Adapter>
  const build = async () => {
    const cached = base.cachedLanguageModel()
    const model = cached ?? base.languageModel()
    return { cached, model, switched: opened.size > 0 ? switchable(model, byName) : undefined }
  }
  const run = [...opened].reduce((inner, [name, { adapter }]) => {
    return () => together({ adapter, base, name }, (other) => callWith(name, other), inner)
  }, build)
  return run()
}

/** @throws {ConfigError} where the base was left out. */
function requireBase(source: unknown): void {
  if (source !== undefined && !Object.keys(source ?? {}).some((name) => Object.hasOwn(ownChecks, name))) return
  throw new ConfigError({
    where: 'openGenerator, first argument',
    what: 'no base model',
    expected: 'a folder, the name of a repository, an address, files or an open model; options come second',
    found: source === undefined ? 'undefined' : Object.keys(source as object).join(', '),
    fix: 'Write openGenerator(base, { adapters }).',
  })
}

type OpenedAdapters = ReadonlyMap<string, Opened>

const openAll = async (
  adapters: Readonly<Record<string, Source | Adapter>>,
  base: BaseModelSource,
  options: SourceOptions,
) =>
  new Map(
    await Promise.all(
      Object.entries(adapters).map(async ([name, one]) => {
        checkValue('openGenerator, option adapters, a name', name, text)
        return [name, await openOne(name, one, base, options)] as const
      }),
    ),
  )

async function openOne(
  name: string,
  one: Source | Adapter,
  base: BaseModelSource,
  options: SourceOptions,
  where = 'openGenerator, option adapters,',
): Promise<Opened> {
  if (isOpenAdapter(one)) return { adapter: one }
  checkValue(`${where} "${name}"`, one, ['a source of files, or an open adapter', isSource])
  await requireFiles(`${where} "${name}"`, one)
  const { adapter, saved, files } = await openSavedAdapter(one, { base, call: callWith(name, 'base') }, options)
  await requireTask(saved?.task_type ?? adapter.config.task_type ?? 'CAUSAL_LM', { taskType: 'CAUSAL_LM' }, files)
  return { adapter, saved, files }
}

const isOpenAdapter = (one: Source | Adapter): one is Adapter => isAdapter[1](one)

/** How the base was opened for the adapters. */
const before = (opened: OpenedAdapters): OnnxModelOptions => ({ ...startOf(opened), ...bitsOf(opened) })

/** The quantization that all saved adapters were trained with. */
function bitsOf(opened: OpenedAdapters): Pick<OnnxModelOptions, 'quantization'> {
  const [first, ...others] = [...opened.values()].flatMap(({ saved }) => (saved ? [quantizationOf(saved)] : []))
  const isShared = others.every((other) => isSameQuantization(other, first))
  return isShared && first ? { quantization: first } : {}
}

/** How the base's texts began in the training of an adapter; `switchable` refuses those that it does not fit. */
function startOf(opened: OpenedAdapters): OnnxModelOptions {
  const all = [...opened.values()].flatMap(({ saved }) => (saved ? [tokenizerOptionsOf(saved)] : []))
  const { chat_template: _, ...start } = all.find(({ add_bos_token }) => add_bos_token) ?? {}
  return start
}

/** The format of each adapter's texts, and of the base's. */
async function formatsOf(base: BaseModel, opened: OpenedAdapters): Promise<Map<string | undefined, TokenFormat>> {
  const formats = new Map([[undefined as string | undefined, await formatOf(base, {})]])
  for (const [name, one] of opened) formats.set(name, await formatOf(base, one))
  return formats
}

/** The format of an adapter's texts: what was saved beside it, or the base's. */
async function formatOf(
  base: BaseModel,
  { saved, files }: Pick<Partial<Opened>, 'saved' | 'files'>,
): Promise<TokenFormat> {
  const settings =
    saved && files
      ? settingsOf<TaskTypes['CAUSAL_LM']>(saved, await taskOf('CAUSAL_LM'), files)
      : { eos_token_id: endTokens(base, undefined) }
  return tokenFormat(textFormat(await withChatTemplate(base, saved), settings))
}
