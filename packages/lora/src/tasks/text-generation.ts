// What a fine-tuned language model serves: strings in and out.

import type { ChatMessage, Tokenizer } from '@cola/data'
import { adapterTensors } from '../adapter/files.ts'
import { loadAdapter } from '../adapter/load.ts'
import { type GenerateOptions, generateTokens } from '../generate/generate-tokens.ts'
import { createGenerator, type Generator } from '../generate/generator.ts'
import { startTokens } from './end-tokens.ts'
import { requireMessages } from './language-model-rows.ts'
import type { ServeContext } from './task.ts'

/** Options of generating text. */
export interface GenerateTextOptions extends Omit<GenerateOptions, 'onToken'> {
  /** Called with each new token, and the new text so far. */
  onToken?: (id: number, text: string) => void
}

/** Methods of a fine-tuned language model. */
export interface TextGenerator {
  /**
   * Continues a text, or answers a conversation through the model's chat template. A text begins with the special
   * tokens that the tokenizer puts before it; an empty one with the start token.
   * @returns The new text alone, without the end token.
   * @throws {DataError} for what is neither a string nor messages, and messages that the chat template refuses;
   * {FeedError} for a prompt that leaves no place for another token; {ConfigError} for an option out of its range.
   */
  readonly generate: (prompt: string | readonly ChatMessage[], options?: GenerateTextOptions) => Promise<string>
}

export interface TextGeneratorParts {
  context: ServeContext
  /** Logits of the token that follows a text, for models without a cache: each call reads the whole text. */
  logits: (text: readonly number[]) => Promise<Float32Array>
  eos_token_id: readonly number[]
  chat_template: string | undefined
}

/** Builds `generate`. With a cache, a second session of the model is opened when the first text is asked for. */
export function textGenerator({ context, logits, eos_token_id, chat_template }: TextGeneratorParts): TextGenerator {
  const { base, device, adapted, lazily } = context
  const { tokenizer, max_length, vocab_size, cachedLanguageModel } = base
  const uncached: Generator['generate'] = (prompt, options) =>
    generateTokens({ logits, vocab_size, max_length }, prompt, options)
  const cached =
    cachedLanguageModel &&
    lazily(async () => {
      const { model, config } = cachedLanguageModel()
      const trained = await adapted()
      const loaded = loadAdapter(model, { config: trained.config, tensors: adapterTensors(trained) })
      return createGenerator(loaded, { config, device })
    })
  return {
    async generate(prompt, options = {}) {
      const ids = promptIds(prompt, context, chat_template)
      const generate = cached ? (await cached()).generate : uncached
      const generated = await generate(ids, {
        ...options,
        eos_token_id: options.eos_token_id ?? eos_token_id,
        onToken: withText(options.onToken, (tokens) => newText(tokenizer, ids, tokens)),
      })
      return newText(tokenizer, ids, generated)
    },
  }
}

/** A listener to tokens that also tells the new text; what is no function is left to the check of options. */
function withText(onToken: GenerateTextOptions['onToken'], textOf: (generated: readonly number[]) => string) {
  if (typeof onToken !== 'function') return onToken
  const generated: number[] = []
  return (id: number) => {
    generated.push(id)
    onToken(id, textOf(generated))
  }
}

/** Token ids of a prompt. What the tokenizer puts behind a text ends it, and is left out. */
function promptIds(
  prompt: string | readonly ChatMessage[],
  { base }: ServeContext,
  chat_template: string | undefined,
): readonly number[] {
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

/** What a continuation adds to a text: decoders may drop the space before a text's first word. */
function newText(tokenizer: Tokenizer, prompt: readonly number[], generated: readonly number[]): string {
  const before = tokenizer.decode(prompt)
  const decoded = tokenizer.decode([...prompt, ...generated])
  return decoded.startsWith(before) ? decoded.slice(before.length) : tokenizer.decode(generated)
}
