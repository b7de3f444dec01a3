// What a fine-tuned language model serves: strings in and out.

import { checkValue, defined, object } from '@cola/graph/options'
import { type ChatMessage, requireList, type Tokenizer } from '@cola/data'
import { adapterOf } from '../adapter/files.ts'
import { loadAdapter } from '../adapter/load.ts'
import { type Decoder, openDecoder } from '../generate/decoder.ts'
import {
  type FinishReason,
  type GenerateOptions,
  type NextTokenModel,
  streamTokens,
} from '../generate/generate-tokens.ts'
import { requirePrompts } from '../generate/prompts.ts'
import { merge } from '../inject/merge.ts'
import { isQuantized } from '../onnx/quantization.ts'
import { startTokens } from './end-tokens.ts'
import { requireMessages } from './language-model-rows.ts'
import type { ServeContext } from './task.ts'

/** Options of generating text. */
export interface GenerateTextOptions extends Omit<GenerateOptions, 'onToken' | 'attention_mask'> {
  /** Called with each new token, and the new text so far. */
  onToken?: (id: number, text: string) => void
}

/** Options of generating texts for several prompts. */
export interface GenerateTextsOptions extends Omit<GenerateTextOptions, 'onToken'> {
  /** Called with each new token, the new text of its row so far, and the row. */
  onToken?: (id: number, text: string, row: number) => void
}

/** Options of generating texts one after another. */
export interface StreamTextsOptions extends Omit<GenerateTextsOptions, 'onToken' | 'onFinish'> {
  /** Texts that are generated at once. @default 32 */
  batch_size?: number
}

/** A text that has ended. */
export interface GeneratedText {
  /** Number of its prompt, from 0. */
  readonly row: number
  /** The new text alone, as `generate` gives it. */
  readonly text: string
  readonly reason: FinishReason
}

/** A text to continue, or a conversation to answer. */
export type TextPrompt = string | readonly ChatMessage[]

/** Methods of a fine-tuned language model. */
export interface TextGenerator {
  /**
   * Continues a text, or answers a conversation through the model's chat template; or several at once. A text begins
   * with the special tokens that the tokenizer puts before it; an empty one with the start token.
   * @returns The new text alone, without the end token, and without a stop string and what follows it.
   * @throws {DataError} for what is neither a string nor messages, and messages that the chat template refuses;
   * {FeedError} for a prompt that leaves no place for another token; {ConfigError} for an option out of its range.
   */
  readonly generate: {
    (prompt: TextPrompt, options?: GenerateTextOptions): Promise<string>
    (prompts: readonly TextPrompt[], options?: GenerateTextsOptions): Promise<string[]>
  }
  /**
   * The new text in pieces as it comes; together they are what `generate` returns. A loop that breaks off ends the
   * generation.
   * @throws as `generate` does, at the first piece.
   */
  readonly stream: (prompt: TextPrompt, options?: GenerateTextOptions) => AsyncGenerator<string, void, undefined>
  /**
   * The new text of each prompt, as it ends: for many prompts, or without end. `batch_size` of them are generated at
   * once, and the next prompt is asked for when there is place. A loop that breaks off ends the generation.
   * @throws as `generate` does, when a prompt is asked for.
   */
  readonly streamTexts: (
    prompts: Iterable<TextPrompt>,
    options?: StreamTextsOptions,
  ) => AsyncGenerator<GeneratedText, void, undefined>
}

export interface TextGeneratorParts {
  context: ServeContext
  /** Logits of the token that follows each text, for models without a cache: each call reads the whole texts. */
  logits: (texts: readonly (readonly number[])[]) => Promise<readonly Float32Array[]>
  eos_token_id: readonly number[]
  chat_template: string | undefined
}

/** Builds `generate`. With a cache, a second session of the model is opened when the first text is asked for. */
export function textGenerator({ context, logits, eos_token_id, chat_template }: TextGeneratorParts): TextGenerator {
  const { tokenizer, vocab_size, max_length } = context.base
  const uncached: NextTokenModel['logits'] = async (texts) => {
    const rows = await logits([...texts.values()])
    return new Map([...texts.keys()].map((row, i) => [row, rows[i] as Float32Array]))
  }
  const decoder = context.lazily(() => openCached(context))
  const isBatch = (prompt: TextPrompt | readonly TextPrompt[]): prompt is readonly TextPrompt[] =>
    Array.isArray(prompt) && (prompt.length === 0 || typeof prompt[0] === 'string' || Array.isArray(prompt[0]))

  /** For each new token its row, and a function that gives the row's new text so far. */
  async function* texts(prompts: Iterable<TextPrompt>, options: GenerateTextsOptions) {
    checkValue('generate, options', options, object)
    const rows = new Map<number, NewText>()
    const tokensOf = (prompt: TextPrompt, row: number): readonly number[] => {
      const ids = promptIds(prompt, context, chat_template)
      rows.set(row, { ids: [], decode: decoderOf(tokenizer, ids) })
      return ids
    }
    const decode = (ids: readonly number[], row: number) => rows.get(row)?.decode(ids) ?? ''
    const given = Array.isArray(prompts)
      ? Array.from(prompts as readonly TextPrompt[], tokensOf)
      : mapped(prompts, tokensOf)
    // Before the weights of the model with its cache are read.
    if (Array.isArray(given)) requirePrompts(given, { vocab_size, max_length })
    const { start } = await decoder()
    const cached = start?.({}) ?? { logits: uncached, joins: true }
    const { onToken, onFinish, ...rest } = options
    const model: NextTokenModel = { ...cached, vocab_size, max_length, decode }
    for await (const { row, id } of streamTokens(model, given, {
      ...rest,
      eos_token_id: options.eos_token_id ?? eos_token_id,
      // What is no function is left to the check of options.
      ...(typeof onToken === 'function' || onToken === undefined ? {} : { onToken }),
      onFinish:
        typeof onFinish === 'function' || onFinish === undefined
          ? (reason, row) => {
              onFinish?.(reason, row)
              rows.delete(row)
            }
          : onFinish,
    })) {
      const found = rows.get(row) as NewText
      found.ids.push(id)
      const text = () => cut(found.decode(found.ids), options)
      onToken?.(id, text(), row)
      yield { row, text }
    }
  }
  async function generate(prompt: TextPrompt, options?: GenerateTextOptions): Promise<string>
  async function generate(prompts: readonly TextPrompt[], options?: GenerateTextsOptions): Promise<string[]>
  async function generate(
    prompt: TextPrompt | readonly TextPrompt[],
    options: GenerateTextsOptions = {},
  ): Promise<string | string[]> {
    const prompts = isBatch(prompt) ? prompt : [prompt]
    const lasts = prompts.map((): (() => string) => () => '')
    for await (const { row, text } of texts(prompts, options)) lasts[row] = text
    const found = lasts.map((text) => text())
    return isBatch(prompt) ? found : (found[0] as string)
  }
  return {
    generate,
    async *stream(prompt, options = {}) {
      let [given, last] = ['', '']
      for await (const { text } of texts([prompt], options)) {
        last = text()
        const sure = certain(last, options)
        if (!sure.startsWith(given) || sure.length === given.length) continue
        yield sure.slice(given.length)
        given = sure
      }
      if (last.length > given.length) yield last.slice(given.length)
    },
    async *streamTexts(prompts, options = {}) {
      checkValue('streamTexts, options', options, object)
      // The letters of a text are no prompts, although a string is iterable.
      if (typeof prompts !== 'object' || prompts === null || !(Symbol.iterator in prompts))
        requireList(prompts, 'streamTexts, prompts')
      const lasts = new Map<number, () => string>()
      const ended: GeneratedText[] = []
      const onFinish = (reason: FinishReason, row: number): void => {
        ended.push({ row, text: lasts.get(row)?.() ?? '', reason })
        lasts.delete(row)
      }
      for await (const { row, text } of texts(prompts, { batch_size: 32, ...defined(options), onFinish })) {
        lasts.set(row, text)
        yield* ended.splice(0)
      }
      yield* ended
    },
  }
}

/**
 * The trained model with its cache. The adapter is merged, but for a base in 4 or 8 bits, which would lose them.
 * Without `start` for a base without a cache.
 */
async function openCached({
  base,
  device,
  adapted,
}: ServeContext): Promise<Pick<Decoder, 'release'> & Partial<Decoder>> {
  const model = base.cachedLanguageModel()
  if (!model) return { release: async () => undefined }
  const loaded = loadAdapter(model, adapterOf(await adapted()))
  return openDecoder(isQuantized(model.graph) ? loaded.graph : merge(loaded).graph, device, [])
}

function* mapped<In, Out>(items: Iterable<In>, map: (item: In, i: number) => Out): Generator<Out, void, undefined> {
  let i = 0
  for (const item of items) yield map(item, i++)
}

const stopsOf = ({ stop_strings = [] }: Pick<GenerateTextOptions, 'stop_strings'>): readonly string[] =>
  [stop_strings].flat()

/** A text up to its first stop string. */
function cut(text: string, options: Pick<GenerateTextOptions, 'stop_strings'>): string {
  const ends = stopsOf(options).flatMap((stop) => (text.includes(stop) ? [text.indexOf(stop)] : []))
  return text.slice(0, Math.min(text.length, ...ends))
}

/** The part of a text that further tokens leave as it is: without the begin of a character or of a stop string. */
function certain(text: string, options: Pick<GenerateTextOptions, 'stop_strings'>): string {
  const whole = text.replace(/\uFFFD+$/, '')
  const begun = stopsOf(options).flatMap((stop) =>
    Array.from({ length: stop.length - 1 }, (_, i) => stop.length - 1 - i).filter((size) =>
      whole.endsWith(stop.slice(0, size)),
    ),
  )
  return whole.slice(0, whole.length - Math.max(0, ...begun))
}

/** Token ids of a prompt. What the tokenizer puts behind a text ends it, and is left out. */
function promptIds(prompt: TextPrompt, { base }: ServeContext, chat_template: string | undefined): readonly number[] {
  const { tokenizer } = base
  const encode = (text: string) => tokenizer.encode(text, { add_special_tokens: false })
  if (typeof prompt === 'string') {
    const textIds = encode(prompt)
    const { input_ids, start } = tokenizer.buildInputs(textIds)
    const ids = input_ids.slice(0, start + textIds.length)
    return ids.length > 0 ? ids : startTokens(base)
  }
  const named = chat_template === undefined ? {} : { chat_template }
  const messages = requireMessages({ prompt }, 'prompt', 'generate')
  return encode(tokenizer.applyChatTemplate(messages, { add_generation_prompt: true, ...named }))
}

/** The tokens that continue a prompt, and the text that such tokens add to it. */
interface NewText {
  readonly ids: number[]
  readonly decode: (ids: readonly number[]) => string
}

/** What continuations add to a text: decoders may drop the space before a text's first word. */
function decoderOf(tokenizer: Tokenizer, prompt: readonly number[]): (generated: readonly number[]) => string {
  const before = tokenizer.decode(prompt)
  return (generated) => {
    const decoded = tokenizer.decode([...prompt, ...generated])
    return decoded.startsWith(before) ? decoded.slice(before.length) : tokenizer.decode(generated)
  }
}
