// Samples texts from a language model, for a student to learn from what a teacher says of them (Tang, Lu & Lin 2019).
// Sample i is a function of the seed and i alone, so that a run that was stopped goes on where it was.

import { DataError, folderStore, type FileStore, placeOf, random } from '@cola/data'
import { ConfigError, hasFired } from '@cola/train'
import { fileSystem, flush, hasFiles, paths } from '@cola/train/files'
import {
  abortSignal,
  callable,
  checkOptions,
  type Checks,
  checkValue,
  object,
  show,
  string,
  text,
  whole,
} from '@cola/graph/options'
import type { FinishReason } from './generate-tokens.ts'
import { sampleChecks, type SampleOptions } from './sample.ts'

/** What texts are sampled from: a language model that `fineTune` or `loadFineTuned` gives, or one of one's own. */
export interface TextSampler {
  /** Continues a prompt; the new text alone, without the end token. It tells `onFinish` where it was cut off. */
  readonly generate: (
    prompt: string,
    options: SampleOptions & { max_new_tokens: number; seed: number; onFinish: (reason: FinishReason) => void },
  ) => Promise<string>
  /**
   * Continues prompts, `batch_size` at once, with a seed for each, and gives each text when it ends.
   * @default one after the other
   */
  readonly streamTexts?: (
    prompts: Iterable<string>,
    options: SampleOptions & { max_new_tokens: number; seed: Iterable<number>; batch_size: number },
  ) => AsyncIterable<{ readonly row: number; readonly text: string; readonly reason: FinishReason }>
}

/** A text that was sampled: a line of the file, as JSON. */
export interface SampledText {
  text: string
  /** Number of the sample, from 0: samples between those that are kept were dropped. */
  sample: number
}

/** What `sampleTexts` samples, and where it keeps it. */
export interface SampleTextsOptions extends Omit<SampleOptions, 'do_sample'> {
  /** Number of different texts. */
  count: number
  /** Texts that must not be among them: those that the student trains on or is scored by. @default none */
  unlike?: Iterable<string>
  /** What each text begins after, and is not part of it. @default '': the model's start token */
  prompt?: string
  /** Longest text in tokens; one that has not come to an end token by then is dropped. @default 64 */
  max_new_tokens?: number
  /** Greatest number of samples, of which some are dropped. @default 20 * count */
  max_samples?: number
  /** @default 0 */
  seed?: number
  /** Texts that are sampled at once; it changes none of them. @default 32 */
  batch_size?: number
  /**
   * A file of JSON lines {@link SampledText}, written text by text. With its texts a stopped run goes on.
   * @default none
   */
  file?: string
  /** Where the file lies, by its name there. @default the disk, by its path */
  store?: FileStore
  /** Told of each text that is kept. */
  onText?: (text: SampledText & { count: number }) => void
  /** Stops when the next sample ends: the promise is rejected with the signal's reason. @default none */
  signal?: AbortSignal
}

const { do_sample: _, ...samplingChecks } = sampleChecks
const checks: Checks<SampleTextsOptions> = {
  count: whole(1),
  unlike: ['texts', (value) => typeof value === 'object' && value !== null && Symbol.iterator in value],
  prompt: string,
  max_new_tokens: whole(1),
  max_samples: whole(1),
  seed: whole(0),
  batch_size: whole(1),
  ...samplingChecks,
  file: text,
  store: ['a store of files', (value) => typeof value === 'object' && value !== null && 'read' in value],
  onText: callable,
  signal: abortSignal,
}

/**
 * Samples texts that differ from each other and from `unlike`, white space at their ends apart. With a file they are
 * kept there as they come; when it has some already, the last one is sampled again, to see that it is of this model and
 * these options.
 * @returns The texts, in the order of their samples: a function of the model and the options, however often the run was
 * stopped.
 * @throws {ConfigError} for what is no language model, and an option that is unknown or out of its range; {DataError}
 * naming file and line for a file of other samples, and where `max_samples` give too few texts; the signal's reason.
 */
export async function sampleTexts(model: TextSampler, options: SampleTextsOptions): Promise<string[]> {
  checkOptions('sampleTexts', options, checks)
  checkValue('sampleTexts, option count', options.count, checks.count)
  if (typeof model?.generate !== 'function')
    throw new ConfigError({
      where: 'sampleTexts',
      what: 'not a language model: it generates no text',
      expected: "what fineTune gives with task: 'CAUSAL_LM'",
      found: object[1](model) ? `an object with ${Object.keys(model).slice(0, 8).join(', ')}` : show(model),
    })
  const { count, max_samples = 20 * count, unlike = [], onText, signal } = options
  const seen = new Set(Array.from(unlike, trimmed))
  const log = options.file === undefined ? undefined : logOf(options.file, options.store)
  const texts: string[] = []
  const keep = ({ text }: SampledText): boolean => {
    if (text === '' || seen.has(text)) return false
    seen.add(text)
    texts.push(text)
    return true
  }
  const kept = (await log?.read()) ?? []
  kept.forEach((one, line) => {
    if (!keep(one)) throw otherSamples(log?.where, line, 'a text that is there already, or in unlike', one.text)
  })
  const last = kept.at(-1)
  if (last && (await sampleOf(model, last.sample, options)) !== last.text)
    throw otherSamples(log?.where, kept.length - 1, 'not what the model gives with these options', last.text)
  const first = (last?.sample ?? -1) + 1
  if (texts.length < count && first < max_samples) {
    if (signal?.aborted) throw signal.reason
    for await (const one of samplesOf(model, first, { ...options, max_samples })) {
      if (keep(one)) {
        await log?.append(one)
        onText?.({ ...one, count: texts.length })
      }
      if (texts.length >= count) break
      if (await hasFired(signal)) throw signal?.reason
    }
  }
  if (texts.length < count) throw tooFew(texts.length, options, max_samples)
  return texts.slice(0, count)
}

function trimmed(text: string, i: number): string {
  checkValue(`sampleTexts, option unlike, text ${i + 1}`, text, string)
  return text.trim()
}

/** The samples from `first` to `max_samples`, in their order; a text is empty where it did not end. */
async function* samplesOf(
  model: TextSampler,
  first: number,
  options: SampleTextsOptions & { max_samples: number },
): AsyncGenerator<SampledText, void, undefined> {
  const { prompt = '', max_samples, batch_size = 32 } = options
  if (!model.streamTexts) {
    for (let sample = first; sample < max_samples; sample++)
      yield { text: await sampleOf(model, sample, options), sample }
    return
  }
  const each = function* <Value>(make: (sample: number) => Value): Generator<Value, void, undefined> {
    for (let sample = first; sample < max_samples; sample++) yield make(sample)
  }
  const ended = new Map<number, string>()
  let next = first
  for await (const { row, text, reason } of model.streamTexts(
    each(() => prompt),
    { ...samplingOf(options), seed: each((sample) => seedOf(options, sample)), batch_size },
  )) {
    ended.set(first + row, reason === 'stop' ? text.trim() : '')
    for (let found = ended.get(next); found !== undefined; found = ended.get(next)) {
      ended.delete(next)
      yield { text: found, sample: next++ }
    }
  }
}

/** One sample. */
async function sampleOf(model: TextSampler, sample: number, options: SampleTextsOptions): Promise<string> {
  let reason: FinishReason = 'stop'
  const found = await model.generate(options.prompt ?? '', {
    ...samplingOf(options),
    seed: seedOf(options, sample),
    onFinish: (found) => {
      reason = found
    },
  })
  return reason === 'stop' ? found.trim() : ''
}

function samplingOf(options: SampleTextsOptions): Required<SampleOptions> & { max_new_tokens: number } {
  const { max_new_tokens = 64, temperature = 1, top_k = 0, top_p = 1, min_p = 0, repetition_penalty = 1 } = options
  return { do_sample: true, temperature, top_k, top_p, min_p, repetition_penalty, max_new_tokens }
}

const seedOf = ({ seed = 0 }: SampleTextsOptions, sample: number): number =>
  random(seed, 'sample-texts', sample).integer(2 ** 31)

/** The file that keeps the texts. */
function logOf(file: string, given: FileStore | undefined) {
  const isName = given !== undefined || !hasFiles()
  const { dirname, basename } = isName ? { dirname: () => file, basename: () => file } : paths()
  const store = given ?? folderStore(dirname(file))
  const name = basename(file)
  const where = placeOf(store, name)
  const lineOf = (one: SampledText) => new TextEncoder().encode(`${JSON.stringify(one)}\n`)
  const write = async (all: readonly SampledText[]) => {
    store.write(name, all.map(lineOf))
    await flush(store)
  }
  let all: SampledText[] = []
  return {
    where,
    /** What it has, without a line that was not written to its end, which goes. */
    async read(): Promise<readonly SampledText[]> {
      if (!store.has(name)) {
        if (!given) fileSystem().mkdirSync(dirname(file), { recursive: true })
        return []
      }
      const content = new TextDecoder().decode(store.read(name))
      const lines = content.split('\n')
      const rest = lines.pop()
      all = lines.map((line, i) => parsed(line, where, i))
      if (rest !== '') await write(all)
      return all
    },
    async append(one: SampledText): Promise<void> {
      all.push(one)
      if (!store.append) return write(all)
      store.append(name, lineOf(one))
    },
  }
}

function parsed(line: string, where: string, i: number): SampledText {
  let found: Partial<SampledText> | undefined
  try {
    found = JSON.parse(line) as Partial<SampledText>
  } catch {
    // Refused below, with its number.
  }
  if (typeof found?.text === 'string' && Number.isSafeInteger(found.sample)) return found as SampledText
  throw new DataError({
    where: `${where}, line ${i + 1}`,
    what: 'not a text that was sampled',
    expected: '{"text":"...","sample":0}',
    found: line.slice(0, 60),
    fix: 'Give another file, or remove this one.',
  })
}

const otherSamples = (where: string | undefined, line: number, what: string, found: string): DataError =>
  new DataError({
    where: `${where}, line ${line + 1}`,
    what,
    found: JSON.stringify(found.slice(0, 60)),
    fix: 'It was sampled from another model or with other options: give another file, or remove this one.',
  })

function tooFew(found: number, { count, file }: SampleTextsOptions, samples: number): DataError {
  const kept = file === undefined ? '' : ` ${file} has those that were found.`
  return new DataError({
    where: 'sampleTexts',
    what: `too few different texts in ${samples} samples`,
    expected: String(count),
    found: String(found),
    fix: `Raise max_samples, max_new_tokens or the temperature.${kept}`,
  })
}
